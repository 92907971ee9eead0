package localtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
)

// Passwords of the roles that a Scene's tests make.
const (
	PasswordA      = "first-Password_of.a"
	PasswordMaster = "Password_of-the.master"
)

// Ident quotes a role's name for SQL.
func Ident(name string) string {
	return pgx.Identifier{name}.Sanitize()
}

// CreateMaster makes the master role as RDS does, a database that it owns, and its secret, whose ARN goes into the key
// masterarn; RDS describes the instance that it is the master of. From here on the scene's secrets name that database.
func (s *Scene) CreateMaster() (arn string) {
	s.t.Helper()
	s.createMasterRole()
	return s.PutMaster("master", s.Master)
}

// On is the scene at another server, with a master of its own there, whose secret's ARN it gives. The functions must trust that server's CA.
func (s *Scene) On(pg *localpg.Server) (there *Scene, master string) {
	s.t.Helper()
	other := *s
	other.PG, other.Port, other.Database = pg, pg.Port(), "postgres"
	other.createMasterRole()
	return &other, other.PutMaster(fmt.Sprintf("master-%d", pg.Major()), other.Master)
}

func (s *Scene) createMasterRole() {
	s.t.Helper()
	s.SQL(`DO $$ BEGIN CREATE ROLE rds_superuser; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		fmt.Sprintf(`CREATE ROLE %s LOGIN CREATEROLE CREATEDB PASSWORD '%s' IN ROLE rds_superuser`, Ident(s.Master), PasswordMaster),
		fmt.Sprintf(`CREATE DATABASE %s OWNER %s`, Ident(s.Master+"db"), Ident(s.Master)))
	s.Database = s.Master + "db"
}

// PutMaster stores the secret of a master user as RDS makes it, with the instance that it belongs to, which RDS describes so.
func (s *Scene) PutMaster(secretName, user string) (arn string) {
	s.t.Helper()
	instance := "of-" + secretName
	s.AWS.SetDBInstance(types.DBInstance{
		DBInstanceIdentifier: &instance, MasterUsername: &user, DBInstanceStatus: aws.String("available"),
		Endpoint: &types.Endpoint{Address: aws.String(s.Host), Port: aws.Int32(int32(s.Port))}})
	return s.PutNewSecret(secretName, s.Value(map[string]any{"username": user, "password": PasswordMaster, "dbInstanceIdentifier": instance}))
}

// ArticleRoles makes the pair as AWS's article does: a shared NOLOGIN role with the given attributes, user a with its password
// and user b that cannot log in yet. They are made by the superuser, or by the master where it exists.
func (s *Scene) ArticleRoles(attributes string) {
	s.t.Helper()
	shared, a, b := Ident(s.Shared), Ident(s.A), Ident(s.B)
	s.SQLAs(s.maker(),
		fmt.Sprintf("CREATE ROLE %s NOLOGIN %s", shared, attributes),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", a, PasswordA),
		fmt.Sprintf("CREATE ROLE %s NOLOGIN", b),
		fmt.Sprintf("GRANT %s TO %s, %s", shared, a, b),
		fmt.Sprintf("ALTER ROLE %s SET ROLE %s", a, shared),
		fmt.Sprintf("ALTER ROLE %s SET ROLE %s", b, shared))
}

// maker is who makes the pair: the master once CreateMaster has made it and its database, else the superuser.
func (s *Scene) maker() string {
	if s.Database != "postgres" {
		return s.PG.URL(s.Master, PasswordMaster, s.Database)
	}
	return s.Superuser()
}

// Superuser is the connection string of the server's own, in the scene's database.
func (s *Scene) Superuser() string {
	name, password := s.PG.Superuser()
	return s.PG.URL(name, password, s.Database)
}

// SQL runs statements as the superuser.
func (s *Scene) SQL(statements ...string) {
	s.t.Helper()
	s.SQLAs(s.Superuser(), statements...)
}

// SQLAs runs statements over a connection string's own connection.
func (s *Scene) SQLAs(url string, statements ...string) {
	s.t.Helper()
	conn := s.mustConnect(url)
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// SQLScript runs several statements in one session, as the superuser.
func (s *Scene) SQLScript(script string) {
	s.t.Helper()
	s.SQLScriptAs(s.Superuser(), script)
}

// SQLScriptAs runs several statements in one session over a connection string's own connection.
func (s *Scene) SQLScriptAs(url, script string) {
	s.t.Helper()
	conn := s.mustConnect(url)
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	if _, err := conn.PgConn().Exec(s.t.Context(), script).ReadAll(); err != nil {
		s.t.Fatalf("%s: %v", script, err)
	}
}

// Ask reads a single row as the superuser.
func (s *Scene) Ask(query string, args []any, into ...any) {
	s.t.Helper()
	conn := s.mustConnect(s.Superuser())
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	if err := conn.QueryRow(s.t.Context(), query, args...).Scan(into...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// Verifiers reads what PostgreSQL keeps of every role's password, with LOGIN and VALID UNTIL: equal before and after means that
// no role was set.
func (s *Scene) Verifiers() (all string) {
	s.t.Helper()
	s.Ask(`SELECT string_agg(concat_ws(' ', rolname, rolpassword, rolcanlogin, rolvaliduntil), E'\n' ORDER BY rolname)
		FROM pg_authid WHERE rolname IN ($1, $2, $3, $4)`, []any{s.Shared, s.A, s.B, s.Master}, &all)
	return all
}

func (s *Scene) mustConnect(url string) *pgx.Conn {
	s.t.Helper()
	conn, err := s.connect(url)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// connect does without TLS where the scene's secrets do.
func (s *Scene) connect(url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if s.Plaintext {
		config.TLSConfig = nil
	}
	return pgx.ConnectConfig(s.t.Context(), config)
}

// Login logs in with a credential, directly at the server, and tells whom the session became.
func (s *Scene) Login(c Credential) (currentUser string, err error) {
	s.t.Helper()
	conn, err := s.connect(s.PG.URL(c.Username, c.Password, s.Database))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	err = conn.QueryRow(s.t.Context(), "SELECT current_user").Scan(&currentUser)
	return currentUser, err
}

// MustLogin is Login for a staging label that must be valid. It may be called from any goroutine.
func (s *Scene) MustLogin(stage string) {
	s.t.Helper()
	credential, err := s.credential(stage)
	if err == nil {
		_, err = s.Login(credential)
	}
	if err != nil {
		s.t.Errorf("%s, user %s, does not log in: %v", stage, credential.Username, err)
	}
}

// MustLoginAs wants a credential under one of the staging labels, those that there are, to log in. It may be called from any goroutine.
func (s *Scene) MustLoginAs(stages ...string) {
	s.t.Helper()
	var tried []error
	for _, stage := range stages {
		credential, err := s.credential(stage)
		if err == nil {
			_, err = s.Login(credential)
		}
		if err == nil {
			return
		}
		tried = append(tried, fmt.Errorf("%s: %w", stage, err))
	}
	s.t.Errorf("none logs in: %v", errors.Join(tried...))
}
