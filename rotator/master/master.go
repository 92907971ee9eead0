// Package master finds the master user of the database that a secret belongs to: its credential through masterarn, and proof
// that it is the master of this very server, so that nobody's secret can borrow the master of another.
package master

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
	"pgrotator/sql"
)

// Tags that RDS puts on the master secrets it manages (RDS User Guide, "Password management with Secrets Manager").
const (
	clusterTag  = "aws:rds:primaryDBClusterArn"
	instanceTag = "aws:rds:primaryDBInstanceArn"
)

// Signer signs an IAM token for a user at an address, host:port.
type Signer func(ctx context.Context, address, user string) (string, error)

// Finder reads master secrets and asks RDS where they belong.
type Finder struct {
	store *secret.Store
	rds   *rds.Client
	sign  Signer
}

// NewFinder reads secrets from store and endpoints from client, and has sign sign the tokens of masteriam.
func NewFinder(store *secret.Store, client *rds.Client, sign Signer) *Finder {
	return &Finder{store: store, rds: client, sign: sign}
}

// Master is how to log in as the master user of a secret's server.
type Master struct {
	Source string // what the secret names it by, for errors
	Server postgres.Server
	Login  postgres.Login

	identifiers cluster.Identifiers // those that its database may have
	byToken     bool
}

// Of finds the master of a secret's server. TLS towards it does not follow the secret's "ssl": where masterarn names it, it follows
// that secret alone, and a token is sent over TLS only. It is an error if the secret names no master, or one whose server is another.
func (f *Finder) Of(ctx context.Context, v secret.Value) (Master, error) {
	if v.MasterIAM != "" {
		return f.byToken(v), nil
	}
	if v.MasterARN == "" {
		return Master{}, errors.New(`the secret has neither the key "masterarn", which names the secret of the master user, nor "masteriam"`)
	}
	text, err := f.store.Stage(ctx, v.MasterARN, secret.Current)
	if err != nil {
		return Master{}, fmt.Errorf("reading the secret at masterarn: %w", err)
	}
	found, err := secret.ParseMaster(text)
	if err != nil {
		return Master{}, fmt.Errorf("reading the secret at masterarn, %s: %w", v.MasterARN, err)
	}
	endpoints, identifiers, err := f.endpoints(ctx, found, v)
	if err != nil {
		return Master{}, fmt.Errorf("finding the server of the secret at masterarn, %s: %w", v.MasterARN, err)
	}
	if !slices.Contains(endpoints, cluster.Address(v.Host, v.Port)) {
		return Master{}, fmt.Errorf("the secret at masterarn, %s, is for %s, and this one is for %s: the master must be of the same host or cluster",
			v.MasterARN, strings.Join(endpoints, ", "), cluster.Address(v.Host, v.Port))
	}
	return Master{
		Source:      "the secret at masterarn, " + v.MasterARN,
		Server:      postgres.Server{Host: v.Host, Port: v.Port, Database: v.Database, Plaintext: found.Plaintext},
		Login:       postgres.Login{User: found.Username, Password: found.Password, Itself: true},
		identifiers: identifiers,
	}, nil
}

// byToken is the user that masteriam names. Which users and databases a token is good for is for the policy of the function's role
// to say, not for the secret.
func (f *Finder) byToken(v secret.Value) Master {
	server := postgres.Server{Host: v.Host, Port: v.Port, Database: v.Database}
	return Master{
		Source: fmt.Sprintf("an IAM token for %q, the secret's masteriam", v.MasterIAM),
		Server: server,
		Login: postgres.Login{User: v.MasterIAM, Itself: true, Token: func(ctx context.Context) (string, error) {
			return f.sign(ctx, server.Address(), v.MasterIAM)
		}},
		byToken: true,
	}
}

// On is the master on another instance of its cluster. A token is good for one address only.
func (f *Finder) On(m Master, host string, port uint16) Master {
	if m.byToken {
		return f.byToken(secret.Value{Host: host, Port: port, Database: m.Server.Database, MasterIAM: m.Login.User})
	}
	m.Server.Host, m.Server.Port = host, port
	return m
}

// Admit returns an error unless the master, in whose session it asks, may be trusted with the pair: its user is the MasterUsername of
// the cluster or instance that listens at the secret's host, or holds ADMIN on those of the pair that exist. Whoever writes a secret
// could else borrow any other application's user that may alter roles, up to PostgreSQL 15 everybody's.
func (f *Finder) Admit(ctx context.Context, session *postgres.Session, m Master, pair secret.Pair) error {
	if m.byToken {
		return nil
	}
	var admin bool
	if err := session.Row(ctx, sql.MasterAdmin, nil, []any{[]string{pair.User, pair.Partner}}, &admin); err != nil || admin {
		return err
	}
	user, err := cluster.MasterUser(ctx, f.rds, m.identifiers, cluster.Address(m.Server.Host, m.Server.Port))
	if err != nil {
		return fmt.Errorf("asking RDS whether %q, of %s, is the master user at %s: %w", m.Login.User, m.Source, m.Server.Address(), err)
	}
	if user == m.Login.User {
		return nil
	}
	known := "RDS knows no database there"
	if user != "" {
		known = fmt.Sprintf("there it is %q", user)
	}
	return fmt.Errorf("%q, of %s, is not the master user at %s (%s), and holds no ADMIN on %q and %q: name the master's secret, with its dbClusterIdentifier or dbInstanceIdentifier, or run sql/setup.sql by psql as the master",
		m.Login.User, m.Source, m.Server.Address(), known, pair.User, pair.Partner)
}

// endpoints lists the addresses at which the master's server listens, the one in its secret or else those that RDS tells, and the
// identifiers that it may have.
func (f *Finder) endpoints(ctx context.Context, found, v secret.Value) (list []string, ids cluster.Identifiers, err error) {
	ids = cluster.IdentifiersIn(found).And(cluster.IdentifiersIn(v))
	if found.Host == "" {
		list, managed, err := f.managedEndpoints(ctx, v.MasterARN)
		return list, managed.And(ids), err
	}
	own := cluster.Address(found.Host, found.Port)
	id := cmp.Or(found.ClusterIdentifier, v.ClusterIdentifier) // RDS says whether both hosts are of it, whoever wrote it down
	if own == cluster.Address(v.Host, v.Port) || id == "" {
		return []string{own}, ids, nil
	}
	list, err = cluster.ClusterAddresses(ctx, f.rds, id)
	if err != nil || slices.Contains(list, own) {
		return list, ids, err
	}
	return []string{own}, ids, nil
}

// managedEndpoints follows the tags of a master secret that RDS manages to the ARN of its database.
func (f *Finder) managedEndpoints(ctx context.Context, secretARN string) (list []string, ids cluster.Identifiers, err error) {
	description, err := f.store.Describe(ctx, secretARN)
	if err != nil {
		return nil, ids, err
	}
	if arn := description.Tags[clusterTag]; arn != "" {
		list, err = cluster.ClusterAddresses(ctx, f.rds, arn)
		return list, cluster.Identifiers{Clusters: []string{arn}}, err
	}
	if arn := description.Tags[instanceTag]; arn != "" {
		list, err = cluster.InstanceAddresses(ctx, f.rds, arn)
		return list, cluster.Identifiers{Instances: []string{arn}}, err
	}
	return nil, ids, fmt.Errorf("it has no key \"host\", and neither the tag %s nor %s of a secret that RDS manages", clusterTag, instanceTag)
}
