package secretsmanager

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws/protocol"
)

// versionEntry is one version in ListSecretVersionIds' output.
type versionEntry struct {
	VersionId        string
	VersionStages    []string       `json:",omitempty"`
	LastAccessedDate protocol.Epoch `json:",omitzero"`
	CreatedDate      protocol.Epoch
}

func (s *Store) listSecretVersionIDs(_ protocol.Caller, in *secretsmanager.ListSecretVersionIdsInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(in.SecretId)
	if err != nil {
		return nil, err
	}
	versions := []versionEntry{}
	for _, v := range slices.Backward(found.versions) {
		if len(v.stages) > 0 || aws.ToBool(in.IncludeDeprecated) {
			versions = append(versions, versionEntry{VersionId: v.id, VersionStages: slices.Clone(v.stages),
				LastAccessedDate: protocol.Epoch{Time: v.accessed.Truncate(24 * time.Hour)}, CreatedDate: protocol.Epoch{Time: v.created}})
		}
	}
	return struct {
		ARN, Name string
		Versions  []versionEntry
	}{found.arn, found.name, versions}, nil
}

// updateSecretVersionStage moves, attaches or removes a label. AWSPREVIOUS
// follows AWSCURRENT; AWSPENDING stays until the rotation ends.
func (s *Store) updateSecretVersionStage(_ protocol.Caller, in *secretsmanager.UpdateSecretVersionStageInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findLive(in.SecretId)
	if err != nil {
		return nil, err
	}
	stage := aws.ToString(in.VersionStage)
	if stage == "" {
		return nil, protocol.InvalidParameter("You must provide a value for the VersionStage parameter.")
	}
	to, err := found.known(in.MoveToVersionId)
	if err != nil {
		return nil, err
	}
	from, err := found.known(in.RemoveFromVersionId)
	if err != nil {
		return nil, err
	}
	if err := found.checkMove(stage, from, to); err != nil {
		return nil, err
	}
	if to != nil {
		found.attach(to, stage)
	} else {
		from.detach(stage)
	}
	found.changed = time.Now()
	return secretOutput{ARN: found.arn, Name: found.name}, nil
}

// known finds the version that a request names; a request may name none.
func (s *secret) known(id *string) (*version, error) {
	if id == nil {
		return nil, nil
	}
	if v := s.version(*id); v != nil {
		return v, nil
	}
	return nil, protocol.InvalidParameter("Not a valid version: " + *id)
}

// checkMove applies the service's rules: a label attached elsewhere is moved
// only by one who says where it is, and AWSCURRENT is never just taken away.
func (s *secret) checkMove(stage string, from, to *version) error {
	holder := s.staged(stage)
	switch {
	case from == nil && to == nil:
		return protocol.InvalidParameter("You must provide MoveToVersionId or RemoveFromVersionId.")
	case from == nil && holder != nil && holder != to:
		return protocol.InvalidParameter(fmt.Sprintf("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, holder.id))
	case from != nil && from != holder:
		return protocol.InvalidParameter(fmt.Sprintf("When you move staging label %s, if you specify RemoveFromVersionId, it must be set to the version that currently has the staging label %s.", stage, stage))
	case to == nil && stage == stageCurrent:
		return protocol.InvalidParameter("You can't remove the staging label AWSCURRENT from a version without moving it to another one.")
	}
	return nil
}
