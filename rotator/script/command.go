package script

import "strings"

// Command is a command line of the AWS CLI, for a POSIX shell.
type Command string

func command(arguments ...string) Command {
	quoted := make([]string, len(arguments))
	for i, a := range arguments {
		quoted[i] = shellArgument(a)
	}
	return Command("aws " + strings.Join(quoted, " "))
}

// Rotate starts a rotation, and switches the schedule of a secret that has one on again.
func Rotate(secretID string) Command {
	return command("secretsmanager", "rotate-secret", "--secret-id", secretID)
}

// ClearPending takes AWSPENDING from the version that a rotation left it on.
func ClearPending(secretID, version string) Command {
	return command("secretsmanager", "update-secret-version-stage", "--secret-id", secretID, "--version-stage", "AWSPENDING", "--remove-from-version-id", version)
}

// MoveCurrentBack makes the version staged AWSPREVIOUS current again, where somebody else than a rotation wrote the current one.
func MoveCurrentBack(secretID, current, previous string) Command {
	return command("secretsmanager", "update-secret-version-stage", "--secret-id", secretID, "--version-stage", "AWSCURRENT",
		"--move-to-version-id", previous, "--remove-from-version-id", current)
}

// Tag gives a secret a tag.
func Tag(secretID, key, value string) Command {
	return command("secretsmanager", "tag-resource", "--secret-id", secretID, "--tags", "Key="+key+",Value="+value)
}

// EnableIAM has a cluster, or an instance, take IAM tokens for the passwords of members of rds_iam.
func EnableIAM(kind, id string) Command {
	return command("rds", "modify-db-"+kind, "--db-"+kind+"-identifier", id, "--enable-iam-database-authentication", "--apply-immediately")
}

// ExportLog has a cluster's, or an instance's, PostgreSQL log sent to CloudWatch Logs.
func ExportLog(kind, id string) Command {
	return command("rds", "modify-db-"+kind, "--db-"+kind+"-identifier", id, "--cloudwatch-logs-export-configuration", `{"EnableLogTypes":["postgresql"]}`)
}
