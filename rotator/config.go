package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pgrotator/rotator/check"
	"pgrotator/rotator/publish"
	"pgrotator/rotator/rotation"
	"pgrotator/rotator/secret"
	"pgrotator/rotator/sweep"
)

// The environment variables of the function. The SDK reads its own besides: AWS_REGION, AWS_ENDPOINT_URL_…, HTTPS_PROXY.
const (
	envPasswordLength      = "PASSWORD_LENGTH"            // characters, 8 to 4096
	envExcludeCharacters   = "EXCLUDE_CHARACTERS"         // characters that no password holds
	envExcludeNumbers      = "EXCLUDE_NUMBERS"            // true or false, as the next four
	envExcludePunctuation  = "EXCLUDE_PUNCTUATION"        //
	envExcludeUppercase    = "EXCLUDE_UPPERCASE"          //
	envExcludeLowercase    = "EXCLUDE_LOWERCASE"          //
	envRequireEachType     = "REQUIRE_EACH_INCLUDED_TYPE" //
	envPasswordValidDays   = "PASSWORD_VALID_DAYS"        // days, VALID UNTIL of each password; unset = for ever
	envDBCAFile            = "DB_CA_FILE"                 // a PEM file of more root certificates
	envAssumeRoleARN       = "ASSUME_ROLE_ARN"            // the role to call Secrets Manager, CloudWatch Logs, RDS and IAM with; {account} = the secret's
	envExternalID          = "ASSUME_ROLE_EXTERNAL_ID"    // what that role's trust policy asks for as sts:ExternalId
	envFleetAccounts       = "FLEET_ACCOUNTS"             // with {account}: the accounts whose secrets there may be, with commas between them
	envLockIntervalDays    = "LOCK_INTERVAL_DAYS"         // days without activity until a role is locked; unset = never
	envDeleteIntervalDays  = "DELETE_INTERVAL_DAYS"       // days without activity until a role is dropped; unset = never
	envIgnoreUserList      = "IGNORE_USER_LIST"           // a JSON list of names, * patterns, or objects with a reason
	envMaxChangesPerRun    = "MAX_CHANGES_PER_RUN"        // roles that one sweep may lock or drop; 0 = no bound
	envNoticeTopicARN      = "NOTICE_TOPIC_ARN"           // the SNS topic for what a sweep did
	envReportBucket        = "REPORT_BUCKET"              // the S3 bucket for the pages and lists of each sweep
	envReportPrefix        = "REPORT_PREFIX"              // what their keys begin with
	envReportKMSKey        = "REPORT_KMS_KEY"             // the KMS key that encrypts them; unset = the account's own for S3
	envIngestionLagSeconds = "INGESTION_LAG_SECONDS"      // seconds that a log line may take to arrive
	envStateSchema         = "STATE_SCHEMA"               // the schema of the sweep's tables; unset = where setup has put them
	envIAMReview           = "IAM_REVIEW"                 // true: say who may log in by IAM, from the account's policies
	envHubFindings         = "SECURITY_HUB_FINDINGS"      // true: tell Security Hub what a sweep finds
	envMetricsPerDatabase  = "METRICS_PER_DATABASE"       // true: the sweep's metrics of each database besides those of all
	envLogLevel            = "LOG_LEVEL"                  // debug, info, warn or error
	envSecretsEndpoint     = "SECRETS_MANAGER_ENDPOINT"   // a URL in Secrets Manager's place, as AWS's functions have it
)

// config is the environment, read once.
type config struct {
	rotation      rotation.Options
	sweep         sweep.Options
	check         check.Options
	caFile        string
	assumeRoleARN string
	externalID    string
	fleetAccounts []string
	topic         string
	reports       publish.Place

	hubFindings        bool
	metricsPerDatabase bool
	secretsEndpoint    string
	logLevel           slog.Level
}

// readConfig reads the environment through lookup and reports every fault at once.
func readConfig(lookup func(string) (string, bool)) (config, error) {
	e := environment{lookup: lookup}
	c := config{
		rotation: rotation.Options{
			Password:  e.passwordPolicy(),
			ValidDays: e.number(envPasswordValidDays, 0, 1, 36500),
		},
		sweep:         e.sweepOptions(),
		caFile:        e.pemFile(envDBCAFile),
		assumeRoleARN: e.matching(envAssumeRoleARN, roleARN, "an IAM role's ARN"),
		externalID:    e.matching(envExternalID, externalID, "two or more letters, digits and _+=,.@:/-"),
		fleetAccounts: e.accounts(),
		topic:         e.matching(envNoticeTopicARN, topicARN, "an SNS topic's ARN"),
		reports:       e.place(),

		hubFindings:        e.boolean(envHubFindings, false),
		metricsPerDatabase: e.boolean(envMetricsPerDatabase, false),
		secretsEndpoint:    e.matching(envSecretsEndpoint, httpURL, "a URL with http:// or https://"),
		logLevel:           e.level(),
	}
	c.check = check.Options{ValidDays: c.rotation.ValidDays, StateSchema: c.sweep.StateSchema, Ignore: c.sweep.Ignore, IAMReview: c.sweep.IAMReview,
		LockDays: c.sweep.LockDays, DeleteDays: c.sweep.DeleteDays}
	if c.sweep.LockDays > 0 && c.sweep.DeleteDays > 0 && c.sweep.DeleteDays <= c.sweep.LockDays {
		e.fault("%s is %d, and must be greater than %s, %d", envDeleteIntervalDays, c.sweep.DeleteDays, envLockIntervalDays, c.sweep.LockDays)
	}
	if c.assumeRoleARN == "" && c.externalID != "" {
		e.fault("%s is set, and %s, whose trust policy asks for it, is not", envExternalID, envAssumeRoleARN)
	}
	if len(c.fleetAccounts) > 0 && !strings.Contains(c.assumeRoleARN, anyAccount) {
		e.fault("%s is set, and %s is %q: with %s in the place of the account it is the role in each of them", envFleetAccounts, envAssumeRoleARN, c.assumeRoleARN, anyAccount)
	}
	if len(e.faults) > 0 {
		return config{}, fmt.Errorf("reading the environment: %w", errors.Join(e.faults...))
	}
	return c, nil
}

// The forms of values, as regular expressions. Each is compiled only where its variable is set: all of them are a tenth of a start.
const (
	roleARN    = `^arn:[a-z-]+:iam::(\d{12}|\{account\}):role/.+$`
	externalID = `^[\w+=,.@:/-]{2,}$`
	accountIDs = `^\d{12}(,\d{12})*$`
	bucketName = `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`
	kmsKey     = `^(arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:(key|alias)/\S+|alias/\S+|[0-9a-f-]{36}|mrk-[0-9a-f]{32})$`
	httpURL    = `^https?://[^/].*$`
	topicARN   = `^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:.+$`
)

// environment collects the faults of the variables while reading them.
type environment struct {
	lookup func(string) (string, bool)
	faults []error
}

func (e *environment) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf(format, args...))
}

// defaultExclude is what AWS's functions leave out, and %, which breaks clients that put a password into a URL.
const defaultExclude = `:/@"'\%`

func (e *environment) passwordPolicy() secret.PasswordPolicy {
	exclude, given := e.lookup(envExcludeCharacters)
	if !given {
		exclude = defaultExclude
	}
	return secret.PasswordPolicy{
		Length:                  int64(e.number(envPasswordLength, 32, 8, 4096)),
		ExcludeCharacters:       exclude,
		ExcludeNumbers:          e.boolean(envExcludeNumbers, false),
		ExcludePunctuation:      e.boolean(envExcludePunctuation, false),
		ExcludeUppercase:        e.boolean(envExcludeUppercase, false),
		ExcludeLowercase:        e.boolean(envExcludeLowercase, false),
		RequireEachIncludedType: e.boolean(envRequireEachType, true),
	}
}

func (e *environment) sweepOptions() sweep.Options {
	return sweep.Options{
		LockDays:    e.number(envLockIntervalDays, 0, 1, 36500),
		DeleteDays:  e.number(envDeleteIntervalDays, 0, 1, 36500),
		Ignore:      e.exceptions(),
		MaxChanges:  e.number(envMaxChangesPerRun, 50, 0, 1_000_000),
		Lag:         time.Duration(e.number(envIngestionLagSeconds, 300, 0, 86400)) * time.Second,
		StateSchema: e.schema(),
		IAMReview:   e.boolean(envIAMReview, false),
	}
}

// place is where reports are kept.
func (e *environment) place() publish.Place {
	return publish.Place{
		Bucket: e.matching(envReportBucket, bucketName, "the name of an S3 bucket"),
		Prefix: e.prefix(),
		KMSKey: e.matching(envReportKMSKey, kmsKey, "a KMS key's id, alias or ARN"),
	}
}

// maxPrefix leaves room in the 1,024 bytes of a key for what follows it.
const maxPrefix = 512

// prefix is the first part of the reports' keys: a path, without the slash that may end it.
func (e *environment) prefix() string {
	prefix := strings.TrimSuffix(e.text(envReportPrefix, ""), "/")
	if prefix == "" {
		return ""
	}
	parts := strings.Split(prefix, "/")
	odd := func(part string) bool { return part == "" || part == "." || part == ".." }
	if slices.ContainsFunc(parts, odd) || !utf8.ValidString(prefix) || strings.ContainsFunc(prefix, func(c rune) bool { return !unicode.IsPrint(c) }) || len(prefix) > maxPrefix {
		e.fault("%s is %q; expected a path such as audit/databases, without a slash in front, . and .. as parts of it, or control characters, of at most %d bytes",
			envReportPrefix, prefix, maxPrefix)
	}
	return prefix
}

// text is a variable's value; an empty one counts as unset.
func (e *environment) text(name, otherwise string) string {
	if value, _ := e.lookup(name); value != "" {
		return value
	}
	return otherwise
}

func (e *environment) number(name string, otherwise, least, most int) int {
	value := e.text(name, "")
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		e.fault("%s is %q; expected a whole number from %d to %d", name, value, least, most)
		return otherwise
	}
	return n
}

func (e *environment) boolean(name string, otherwise bool) bool {
	switch value := e.text(name, ""); value {
	case "":
		return otherwise
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	default:
		e.fault("%s is %q; expected true or false", name, value)
		return otherwise
	}
}

func (e *environment) matching(name, form, what string) string {
	value := e.text(name, "")
	if value != "" && !regexp.MustCompile(form).MatchString(value) {
		e.fault("%s is %q; expected %s", name, value, what)
	}
	return value
}

func (e *environment) accounts() []string {
	value := e.matching(envFleetAccounts, accountIDs, "accounts of twelve digits with commas between them and no spaces")
	if value == "" {
		return nil
	}
	return slices.Compact(slices.Sorted(strings.SplitSeq(value, ",")))
}

// pemFile is the path of a file of certificates, which must be readable.
func (e *environment) pemFile(name string) string {
	path := e.text(name, "")
	if path == "" {
		return ""
	}
	if pem, err := os.ReadFile(path); err != nil {
		e.fault("%s: %w", name, err)
	} else if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		e.fault("%s is %q, which holds no PEM certificate", name, path)
	}
	return path
}

func (e *environment) schema() string {
	schema := e.text(envStateSchema, "")
	if len(schema) > secret.MaxNameBytes {
		e.fault("%s is %d bytes long; PostgreSQL's names end at %d", envStateSchema, len(schema), secret.MaxNameBytes)
	}
	return schema
}

func (e *environment) level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(e.text(envLogLevel, "info"))); err != nil {
		e.fault("%s is %q; expected debug, info, warn or error", envLogLevel, e.text(envLogLevel, ""))
	}
	return level
}
