package secretsmanager

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws/protocol"
)

// maxSecretSize bounds a secret's value, in bytes.
const maxSecretSize = 65536

// secretValue is GetSecretValue's output.
type secretValue struct {
	ARN           string
	Name          string
	VersionId     string
	SecretString  *string `json:",omitempty"`
	SecretBinary  []byte  `json:",omitempty"`
	VersionStages []string
	CreatedDate   protocol.Epoch
}

// newValue is a value on its way into a version.
type newValue struct {
	token  *string
	text   *string
	binary []byte
	stages []string // empty = AWSCURRENT
	source string   // as in version
}

// checkToken applies the rule on ClientRequestToken, which becomes a version id.
func checkToken(token *string) error {
	if token != nil && (len(*token) < 32 || len(*token) > 64) {
		return protocol.InvalidParameter("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

func tokenOrNew(token *string) string {
	if token != nil {
		return *token
	}
	return protocol.NewUUID()
}

func (s *Store) getSecretValue(_ protocol.Caller, in *secretsmanager.GetSecretValueInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	v, err := found.selectVersion(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	found.accessed, v.accessed = now, now
	return secretValue{ARN: found.arn, Name: found.name, VersionId: v.id, SecretString: v.text,
		SecretBinary: v.binary, VersionStages: slices.Clone(v.stages), CreatedDate: protocol.Epoch{Time: v.created}}, nil
}

// selectVersion finds the version by id, by label (AWSCURRENT unless told), or
// by both, which must agree. A version without a value counts as none.
func (s *secret) selectVersion(id, stage *string) (*version, error) {
	if id == nil {
		label := aws.ToString(stage)
		if stage == nil {
			label = stageCurrent
		}
		v := s.staged(label)
		if v == nil || v.isEmpty() {
			return nil, protocol.NotFound("Secrets Manager can't find the specified secret value for staging label: " + label)
		}
		return v, nil
	}
	v := s.version(*id)
	if v != nil && stage != nil && !slices.Contains(v.stages, *stage) {
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	if v == nil || v.isEmpty() {
		return nil, protocol.NotFound("Secrets Manager can't find the specified secret value for VersionId: " + *id)
	}
	return v, nil
}

func (s *Store) putSecretValue(who protocol.Caller, in *secretsmanager.PutSecretValueInput) (any, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	if err := checkValue(in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	if len(in.VersionStages) > 20 {
		return nil, protocol.InvalidParameter("The VersionStages parameter must have no more than 20 members.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	source, err := found.sourceOf(who, in.RotationToken)
	if err != nil {
		return nil, err
	}
	v, err := found.put(newValue{token: in.ClientRequestToken, text: in.SecretString, binary: in.SecretBinary,
		stages: in.VersionStages, source: source})
	if err != nil {
		return nil, err
	}
	return secretOutput{ARN: found.arn, Name: found.name, VersionId: v.id, VersionStages: slices.Clone(v.stages)}, nil
}

func checkValue(text *string, binary []byte) error {
	if (text == nil) == (binary == nil) {
		return protocol.InvalidParameter("You must provide either SecretString or SecretBinary.")
	}
	if size := len(aws.ToString(text)) + len(binary); size == 0 || size > maxSecretSize {
		return protocol.InvalidParameter("The secret value must have between 1 and 65536 bytes.")
	}
	return nil
}

// sourceOf tells which function a new value comes from: the one that the latest
// rotation's token was given to, or the caller under its own credentials. A
// wrong token is refused.
func (s *secret) sourceOf(who protocol.Caller, token *string) (string, error) {
	if token != nil {
		if s.lastRotation == nil || s.lastRotation.rotationToken != *token {
			return "", invalidRequest("The RotationToken does not belong to the rotation of this secret.")
		}
		return s.lastRotation.functionARN, nil
	}
	if who.Function != "" && who.Role == "" {
		return who.FunctionARN, nil
	}
	return "", nil
}

// put makes a version, or fills the empty one of a rotation. The same token
// with the same value changes nothing; with another value it is refused.
func (s *secret) put(n newValue) (*version, error) {
	if existing := s.version(aws.ToString(n.token)); existing != nil && !existing.isEmpty() {
		if existing.holds(n.text, n.binary) {
			return existing, nil
		}
		return nil, &protocol.Error{Code: "ResourceExistsException", Status: 400, Message: "You can't use ClientRequestToken " +
			existing.id + " because that value is already in use for a version of secret " + s.arn + "."}
	}
	v := s.version(aws.ToString(n.token))
	if v == nil {
		v = &version{id: tokenOrNew(n.token)}
		s.versions = append(s.versions, v)
	}
	now := time.Now()
	v.text, v.binary, v.created, v.source, s.changed = n.text, n.binary, now, n.source, now
	if len(n.stages) == 0 || s.staged(stageCurrent) == nil {
		s.attach(v, stageCurrent)
	}
	for _, stage := range n.stages {
		s.attach(v, stage)
	}
	return v, nil
}
