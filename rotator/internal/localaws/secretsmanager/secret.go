package secretsmanager

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// secretOutput is what most operations answer with.
type secretOutput struct {
	ARN           string
	Name          string
	VersionId     string         `json:",omitempty"`
	VersionStages []string       `json:",omitempty"`
	DeletionDate  protocol.Epoch `json:",omitzero"`
}

// secretDescription is DescribeSecret's output, and an entry of ListSecrets'.
type secretDescription struct {
	ARN                    string
	Name                   string
	Description            string              `json:",omitempty"`
	KmsKeyId               string              `json:",omitempty"`
	RotationEnabled        *bool               `json:",omitempty"`
	RotationLambdaARN      string              `json:",omitempty"`
	RotationRules          *rotationRules      `json:",omitempty"`
	LastRotatedDate        protocol.Epoch      `json:",omitzero"`
	LastChangedDate        protocol.Epoch      `json:",omitzero"`
	LastAccessedDate       protocol.Epoch      `json:",omitzero"`
	DeletedDate            protocol.Epoch      `json:",omitzero"`
	NextRotationDate       protocol.Epoch      `json:",omitzero"`
	CreatedDate            protocol.Epoch      `json:",omitzero"`
	Tags                   []types.Tag         `json:",omitempty"`
	VersionIdsToStages     map[string][]string `json:",omitempty"`
	SecretVersionsToStages map[string][]string `json:",omitempty"`
}

var secretNamePattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)

func (s *Store) createSecret(c protocol.Caller, in *secretsmanager.CreateSecretInput) (any, error) {
	name := aws.ToString(in.Name)
	if !secretNamePattern.MatchString(name) {
		return nil, protocol.InvalidParameter("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	if in.SecretString != nil && in.SecretBinary != nil {
		return nil, protocol.InvalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if existing := s.secrets[name]; existing != nil {
		return existing.createAgain(in)
	}
	now := time.Now()
	made := &secret{name: name, arn: newSecretARN(c.Account(), name), description: aws.ToString(in.Description),
		kmsKeyID: aws.ToString(in.KmsKeyId), tags: in.Tags, created: now, changed: now}
	s.secrets[name] = made
	out := secretOutput{ARN: made.arn, Name: name}
	if in.SecretString != nil || in.SecretBinary != nil {
		v := &version{id: tokenOrNew(in.ClientRequestToken), text: in.SecretString, binary: in.SecretBinary, created: now}
		made.versions = append(made.versions, v)
		made.attach(v, stageCurrent)
		out.VersionId = v.id
	}
	return out, nil
}

// createAgain answers a repeated CreateSecret: the same token and value is a retry.
func (s *secret) createAgain(in *secretsmanager.CreateSecretInput) (any, error) {
	if !s.deleted.IsZero() {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if v := s.version(aws.ToString(in.ClientRequestToken)); v != nil && v.holds(in.SecretString, in.SecretBinary) {
		return secretOutput{ARN: s.arn, Name: s.name, VersionId: v.id}, nil
	}
	return nil, &protocol.Error{Code: "ResourceExistsException", Status: 400,
		Message: "The operation failed because the secret " + s.name + " already exists."}
}

func (s *Store) updateSecret(_ protocol.Caller, in *secretsmanager.UpdateSecretInput) (any, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := secretOutput{ARN: found.arn, Name: found.name}
	if in.SecretString != nil || in.SecretBinary != nil {
		v, err := found.put(newValue{token: in.ClientRequestToken, text: in.SecretString, binary: in.SecretBinary})
		if err != nil {
			return nil, err
		}
		out.VersionId = v.id
	}
	if in.Description != nil {
		found.description = *in.Description
	}
	if in.KmsKeyId != nil {
		found.kmsKeyID = *in.KmsKeyId
	}
	found.changed = time.Now()
	return out, nil
}

func (s *Store) deleteSecret(_ protocol.Caller, in *secretsmanager.DeleteSecretInput) (any, error) {
	force := aws.ToBool(in.ForceDeleteWithoutRecovery)
	if force && in.RecoveryWindowInDays != nil {
		return nil, protocol.InvalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	days := int(aws.ToInt64(in.RecoveryWindowInDays))
	if in.RecoveryWindowInDays == nil {
		days = 30
	}
	if days < 7 || days > 30 {
		return nil, protocol.InvalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	found.deleted = time.Now().AddDate(0, 0, days)
	if force {
		found.deleted = time.Now()
		delete(s.secrets, found.name)
	}
	return secretOutput{ARN: found.arn, Name: found.name, DeletionDate: protocol.Epoch{Time: found.deleted}}, nil
}

func (s *Store) describeSecret(_ protocol.Caller, in *secretsmanager.DescribeSecretInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	description := found.describe()
	description.VersionIdsToStages = found.stages()
	return description, nil
}

func (s *secret) describe() secretDescription {
	return secretDescription{
		ARN: s.arn, Name: s.name, Description: s.description, KmsKeyId: s.kmsKeyID,
		RotationEnabled:   s.rotation.enabled,
		RotationLambdaARN: s.rotation.functionARN,
		RotationRules:     s.rotation.rules,
		LastRotatedDate:   protocol.Epoch{Time: s.rotation.last},
		NextRotationDate:  protocol.Epoch{Time: s.rotation.next},
		LastChangedDate:   protocol.Epoch{Time: s.changed},
		LastAccessedDate:  protocol.Epoch{Time: s.accessed.Truncate(24 * time.Hour)}, // the service tells the day only
		DeletedDate:       protocol.Epoch{Time: s.deleted},
		CreatedDate:       protocol.Epoch{Time: s.created},
		Tags:              s.tags,
	}
}

// stages maps version ids to their labels; versions without any are left out.
func (s *secret) stages() map[string][]string {
	stages := map[string][]string{}
	for _, v := range s.versions {
		if len(v.stages) > 0 {
			stages[v.id] = slices.Clone(v.stages)
		}
	}
	return stages
}

// maxSecretsListed is how many secrets a page of ListSecrets has at most.
const maxSecretsListed = 100

// secretList is ListSecrets' output.
type secretList struct {
	SecretList []secretDescription
	NextToken  string `json:",omitempty"`
}

// listSecrets lists those of the caller's account. A token is the number of secrets that came before.
func (s *Store) listSecrets(c protocol.Caller, in *secretsmanager.ListSecretsInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, err := strconv.Atoi(cmp.Or(aws.ToString(in.NextToken), "0"))
	most := int(cmp.Or(aws.ToInt32(in.MaxResults), maxSecretsListed))
	if err != nil || most < 1 || most > maxSecretsListed {
		return nil, protocol.InvalidParameter("Invalid NextToken or MaxResults.")
	}
	list := []secretDescription{}
	for _, one := range s.sorted() {
		selected, err := one.matches(in.Filters)
		if err != nil {
			return nil, err
		}
		if selected && one.account() == c.Account() && (one.deleted.IsZero() || aws.ToBool(in.IncludePlannedDeletion)) {
			entry := one.describe()
			entry.SecretVersionsToStages = one.stages()
			list = append(list, entry)
		}
	}
	list = list[min(before, len(list)):]
	if len(list) > most {
		return secretList{list[:most], strconv.Itoa(before + most)}, nil
	}
	return secretList{SecretList: list}, nil
}

// account is the one in the secret's ARN.
func (s *secret) account() string { return strings.Split(s.arn, ":")[4] }

// matches holds s against every filter: a value is the beginning of a name, or of a tag's key or value.
func (s *secret) matches(filters []types.Filter) (bool, error) {
	for _, filter := range filters {
		var texts []string
		switch filter.Key {
		case types.FilterNameStringTypeName:
			texts = []string{s.name}
		case types.FilterNameStringTypeTagKey:
			texts = s.ofTags(func(t types.Tag) *string { return t.Key })
		case types.FilterNameStringTypeTagValue:
			texts = s.ofTags(func(t types.Tag) *string { return t.Value })
		default:
			return false, protocol.InvalidParameter("The stand-in does not filter by " + string(filter.Key) + ".")
		}
		begins := func(prefix string) bool {
			return slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, prefix) })
		}
		if !slices.ContainsFunc(filter.Values, begins) {
			return false, nil
		}
	}
	return true, nil
}

func (s *secret) ofTags(of func(types.Tag) *string) []string {
	var texts []string
	for _, tag := range s.tags {
		texts = append(texts, aws.ToString(of(tag)))
	}
	return texts
}

func (s *Store) tagResource(_ protocol.Caller, in *secretsmanager.TagResourceInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	for _, tag := range in.Tags {
		found.untag(aws.ToString(tag.Key))
		found.tags = append(found.tags, tag)
	}
	return nil, nil
}

func (s *Store) untagResource(_ protocol.Caller, in *secretsmanager.UntagResourceInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		found.untag(key)
	}
	return nil, nil
}

func (s *secret) untag(key string) {
	s.tags = slices.DeleteFunc(s.tags, func(t types.Tag) bool { return aws.ToString(t.Key) == key })
}
