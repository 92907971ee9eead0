package secret

import (
	"maps"
	"slices"
	"strings"
)

// admitTogether refuses keys that contradict each other.
func (r *reader) admitTogether(v Value) {
	if v.MasterIAM != "" && v.MasterARN != "" {
		r.fault("masteriam", `stands beside "masterarn": name the master either by its secret or by the user that logs in by IAM token`)
	}
	if pair, err := v.Pair(); err == nil && v.MasterIAM != "" && (v.MasterIAM == pair.User || v.MasterIAM == pair.Partner) {
		r.fault("masteriam", "is %q, one of the users that rotate: a user that logs in by IAM token has no password to rotate", v.MasterIAM)
	}
	if len(v.Usernames) == 1 && v.Role != "" {
		r.fault("role", `is %q beside "usernames" of one name: a single user has no shared role; name two users, or take "role" out`, v.Role)
	}
	r.admitProxy(v)
}

// admitProxy: mirrors are for a proxy, one for each user, each its own; and a proxy that is to be looked at needs them.
func (r *reader) admitProxy(v Value) {
	mirrors := r.filled("mirrors")
	switch {
	case mirrors && v.ProxyHost == "":
		r.fault("mirrors", `needs "proxyhost", the endpoint of the RDS Proxy that reads them`)
		return
	case !mirrors && v.ProxyHost != "":
		r.fault("proxyhost", `needs "mirrors", the secrets that the RDS Proxy reads, one for each user`)
		return
	}
	if v.ProxyHost != "" && strings.EqualFold(v.ProxyHost, v.Host) {
		r.fault("proxyhost", `is the same as "host": host must be the database's own endpoint`)
	}
	r.admitMirrorsOf(v)
}

func (r *reader) admitMirrorsOf(v Value) {
	pair, err := v.Pair()
	if v.Mirrors == nil || err != nil {
		return // told where the pair is asked for
	}
	users := slices.Compact(slices.Sorted(slices.Values([]string{pair.User, pair.Partner})))
	if named := slices.Sorted(maps.Keys(v.Mirrors)); !slices.Equal(users, named) {
		r.fault("mirrors", "names the users %s; expected exactly %q, the users that rotate", r.shown(strings.Join(named, ", ")), users)
	}
	arns := slices.Compact(slices.Sorted(maps.Values(v.Mirrors)))
	if len(arns) < len(v.Mirrors) {
		r.fault("mirrors", "names one secret for both users: an RDS Proxy reads one user from each secret")
	}
	if v.MasterARN != "" && slices.Contains(arns, v.MasterARN) {
		r.fault("mirrors", `names the secret at "masterarn", which is the master's`)
	}
}
