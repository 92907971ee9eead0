package secret

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/awserror"
)

// Tagged lists the secrets of the account and Region that carry a tag, with what Describe tells of them. The list
// may be five minutes old (Secrets Manager API Reference, ListSecrets).
func (s *Store) Tagged(ctx context.Context, key string) ([]Description, error) {
	// The service compares the beginning of a key only.
	pages := secretsmanager.NewListSecretsPaginator(s.client, &secretsmanager.ListSecretsInput{
		MaxResults: aws.Int32(100), Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{key}}}})
	var list []Description
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the secrets that carry the tag %q: %w", key, awserror.SecretsManager.Explain(err))
		}
		for _, entry := range page.SecretList {
			if d := listed(entry); entry.DeletedDate == nil && has(d.Tags, key) {
				list = append(list, d)
			}
		}
	}
	return list, nil
}

func has(tags map[string]string, key string) bool {
	_, found := tags[key]
	return found
}

func listed(entry types.SecretListEntry) Description {
	return Description{
		ARN: aws.ToString(entry.ARN), Name: aws.ToString(entry.Name), Enabled: entry.RotationEnabled, Stages: entry.SecretVersionsToStages,
		Tags: byKey(entry.Tags), Interval: interval(entry.RotationRules, entry.LastRotatedDate, entry.NextRotationDate),
		Created: aws.ToTime(entry.CreatedDate), LastRotated: aws.ToTime(entry.LastRotatedDate), NextRotation: aws.ToTime(entry.NextRotationDate),
	}
}
