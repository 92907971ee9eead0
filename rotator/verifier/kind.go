package verifier

// The values of password_encryption; "on" is md5's name up to PostgreSQL 13.
const (
	scramSHA256   = "scram-sha-256"
	md5Encryption = "md5"
	md5Former     = "on"
)

// The iterations of SCRAM-SHA-256: PostgreSQL's default (src/include/common/scram-common.h), below which RFC 7677 lets nobody go,
// and the most that OWASP's Password Storage Cheat Sheet asks of PBKDF2-HMAC-SHA256; each login costs client and server as many.
const (
	fewestIterations = 4096
	mostIterations   = 600_000
)

// Kind is what a verifier is to be.
type Kind struct {
	Encryption string // as password_encryption names it
	Iterations int    // of scram-sha-256
}

// Default is what PostgreSQL makes where nobody has chosen.
var Default = Kind{Encryption: scramSHA256, Iterations: fewestIterations}

// Settings is what a session shows of the settings that decide a verifier's kind, each with pg_settings.source.
type Settings struct {
	Encryption       string // password_encryption
	EncryptionSource string
	Iterations       int // scram_iterations; 0 before PostgreSQL 16, which does not have it
	IterationsSource string
}

// Kind is what the server itself would make for the session's user, within 4,096 to 600,000 iterations. A setting that the role
// or the database brings along is no word of the server's: any role sets its own, and an md5 verifier is as good as the password
// to whoever steals it. Of such, md5 counts only where the server asked the session's own login for it (md5Login).
func (s Settings) Kind(md5Login bool) Kind {
	kind := Kind{Encryption: s.Encryption, Iterations: min(max(s.Iterations, fewestIterations), mostIterations)}
	if chosenBelowServer(s.EncryptionSource) && !md5Login {
		kind.Encryption = scramSHA256
	}
	if chosenBelowServer(s.IterationsSource) {
		kind.Iterations = fewestIterations
	}
	return kind
}

// chosenBelowServer reports the sources of ALTER ROLE and ALTER DATABASE (src/backend/utils/misc/guc.c, GucSource_Names).
func chosenBelowServer(source string) bool {
	return source == "user" || source == "database" || source == "database user"
}
