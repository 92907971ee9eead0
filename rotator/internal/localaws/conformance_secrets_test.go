package localaws_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws/awstest"
)

// held is a secret on a target, whose first value is "one".
type held struct {
	client  *secretsmanager.Client
	id, arn *string
	first   string // version id
}

func newHeld(t *testing.T, to target) held {
	t.Helper()
	h := held{client: secretsmanager.NewFromConfig(to.config), id: aws.String(unique("check"))}
	out, err := h.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: h.id, SecretString: aws.String("one"),
		Description: aws.String("a secret"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}})
	if err != nil {
		t.Fatal(err)
	}
	h.arn, h.first = out.ARN, *out.VersionId
	return h
}

func (h held) get(t *testing.T, version, stage *string) (*secretsmanager.GetSecretValueOutput, error) {
	t.Helper()
	return h.client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: h.id, VersionId: version, VersionStage: stage})
}

// put stores a value and returns its version id.
func (h held) put(t *testing.T, value string, token *string, stages ...string) (string, error) {
	t.Helper()
	out, err := h.client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: h.id, SecretString: &value, ClientRequestToken: token, VersionStages: stages})
	if err != nil {
		return "", err
	}
	return *out.VersionId, nil
}

func (h held) mustPut(t *testing.T, value string, stages ...string) string {
	t.Helper()
	id, err := h.put(t, value, nil, stages...)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (h held) move(t *testing.T, stage string, from, to *string) error {
	t.Helper()
	_, err := h.client.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{SecretId: h.id, VersionStage: &stage,
		RemoveFromVersionId: from, MoveToVersionId: to})
	return err
}

func (h held) wantStages(t *testing.T, want map[string][]string) {
	t.Helper()
	out, err := h.client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: h.id})
	if err != nil {
		t.Fatal(err)
	}
	for id, stages := range want {
		got := out.VersionIdsToStages[id]
		slices.Sort(got)
		if !slices.Equal(got, stages) {
			t.Errorf("version %s has %v, want %v", id, got, stages)
		}
	}
}

const token = "11111111-2222-4333-8444-555555555555"

func secretChecks() map[string]check {
	return map[string]check{
		"secret is found by name, ARN and ARN without suffix": checkSecretIsFoundByNameARNAndARNWithoutSuffix,
		"unknown secret is not found":                         checkUnknownSecretIsNotFound,
		"name in use is refused":                              checkNameInUseIsRefused,
		"secret without a value has none":                     checkSecretWithoutAValueHasNone,
		"description and tags are kept":                       checkDescriptionAndTagsAreKept,
		"binary value comes back":                             checkBinaryValueComesBack,
		"update makes a current version":                      checkUpdateMakesACurrentVersion,
		"deleted secret is refused":                           checkDeletedSecretIsRefused,
		"secret deleted by force is gone":                     checkSecretDeletedByForceIsGone,
		"list filters by name":                                checkListFiltersByName,
		"list filters by the beginning of a tag's key":        checkListFiltersByTagKey,
		"list comes in pages":                                 checkListComesInPages,
		"short token is refused":                              checkShortTokenIsRefused,
	}
}

func checkSecretIsFoundByNameARNAndARNWithoutSuffix(t *testing.T, to target) {
	h := newHeld(t, to)
	for _, id := range []string{*h.id, *h.arn, (*h.arn)[:len(*h.arn)-7]} {
		out, err := h.client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil || *out.SecretString != "one" || *out.ARN != *h.arn || *out.Name != *h.id || out.CreatedDate == nil {
			t.Errorf("%s: %+v, %v", id, out, err)
		}
	}
}

func checkUnknownSecretIsNotFound(t *testing.T, to target) {
	h := newHeld(t, to)
	h.id = aws.String("nothing-of-the-kind")
	_, err := h.get(t, nil, nil)
	awstest.WantCode(t, err, "ResourceNotFoundException")
	_, err = h.client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: h.id})
	awstest.WantCode(t, err, "ResourceNotFoundException")
	_, err = h.put(t, "x", nil)
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkNameInUseIsRefused(t *testing.T, to target) {
	h := newHeld(t, to)
	_, err := h.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: h.id, SecretString: aws.String("other")})
	awstest.WantCode(t, err, "ResourceExistsException")
}

func checkSecretWithoutAValueHasNone(t *testing.T, to target) {
	h := held{client: secretsmanager.NewFromConfig(to.config), id: aws.String(unique("empty"))}
	if _, err := h.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: h.id}); err != nil {
		t.Fatal(err)
	}
	_, err := h.get(t, nil, nil)
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkDescriptionAndTagsAreKept(t *testing.T, to target) {
	h := newHeld(t, to)
	_, err := h.client.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: h.id, Tags: []types.Tag{
		{Key: aws.String("team"), Value: aws.String("green")}, {Key: aws.String("aws:rds:primaryDBClusterArn"), Value: aws.String("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.client.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: h.id, TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	out, err := h.client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: h.arn})
	if err != nil || *out.Description != "a secret" || len(out.Tags) != 1 || *out.Tags[0].Value != "x" {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkBinaryValueComesBack(t *testing.T, to target) {
	h := newHeld(t, to)
	value := []byte{0, 255, 10}
	if _, err := h.client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: h.id, SecretBinary: value}); err != nil {
		t.Fatal(err)
	}
	out, err := h.get(t, nil, nil)
	if err != nil || !slices.Equal(out.SecretBinary, value) || out.SecretString != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkUpdateMakesACurrentVersion(t *testing.T, to target) {
	h := newHeld(t, to)
	out, err := h.client.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: h.id, SecretString: aws.String("two")})
	if err != nil {
		t.Fatal(err)
	}
	h.wantStages(t, map[string][]string{*out.VersionId: {"AWSCURRENT"}, h.first: {"AWSPREVIOUS"}})
}

func checkDeletedSecretIsRefused(t *testing.T, to target) {
	h := newHeld(t, to)
	if _, err := h.client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: h.id, RecoveryWindowInDays: aws.Int64(7)}); err != nil {
		t.Fatal(err)
	}
	_, err := h.get(t, nil, nil)
	awstest.WantCode(t, err, "InvalidRequestException")
	if out, err := h.client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: h.id}); err != nil || out.DeletedDate == nil {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkSecretDeletedByForceIsGone(t *testing.T, to target) {
	h := newHeld(t, to)
	if _, err := h.client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: h.id, ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	_, err := h.get(t, nil, nil)
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkListFiltersByName(t *testing.T, to target) {
	h := newHeld(t, to)
	out, err := h.client.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{Filters: []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{*h.id}}}})
	if err != nil || len(out.SecretList) != 1 || *out.SecretList[0].ARN != *h.arn {
		t.Errorf("%+v, %v", out, err)
	}
}

// tagged makes secrets with a tag of that key, and returns their ARNs.
func tagged(t *testing.T, h held, key string, count int) []string {
	t.Helper()
	var arns []string
	for range count {
		out, err := h.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(unique("tagged")), SecretString: aws.String("x"),
			Tags: []types.Tag{{Key: &key, Value: aws.String("yes")}}})
		if err != nil {
			t.Fatal(err)
		}
		arns = append(arns, *out.ARN)
	}
	slices.Sort(arns)
	return arns
}

func checkListFiltersByTagKey(t *testing.T, to target) {
	h := newHeld(t, to)
	key := unique("key")
	want := tagged(t, h, key+"-and-more", 1)
	out, err := h.client.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{key}}}})
	if err != nil || len(out.SecretList) != 1 || *out.SecretList[0].ARN != want[0] || len(out.SecretList[0].Tags) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkListComesInPages(t *testing.T, to target) {
	h := newHeld(t, to)
	key := unique("key")
	want := tagged(t, h, key, 5)
	pages := secretsmanager.NewListSecretsPaginator(h.client, &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(2),
		Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{key}}}})
	var sizes []int
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.SecretList))
		for _, one := range page.SecretList {
			got = append(got, *one.ARN)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("pages of %v with %v, want %v", sizes, got, want)
	}
}

func checkShortTokenIsRefused(t *testing.T, to target) {
	h := newHeld(t, to)
	_, err := h.put(t, "x", aws.String("short"))
	awstest.WantCode(t, err, "InvalidParameterException")
}

func stageChecks() map[string]check {
	return map[string]check{
		"put makes the value current":                        checkPutMakesTheValueCurrent,
		"pending value leaves the current one":               checkPendingValueLeavesTheCurrentOne,
		"version is read by its id":                          checkVersionIsReadByItsId,
		"id and label must agree":                            checkIdAndLabelMustAgree,
		"unattached label and unknown version are not found": checkUnattachedLabelAndUnknownVersionAreNotFound,
		"same token and value is no change":                  checkSameTokenAndValueIsNoChange,
		"same token with another value is refused":           checkSameTokenWithAnotherValueIsRefused,
		"AWSPREVIOUS follows AWSCURRENT":                     checkAWSPREVIOUSFollowsAWSCURRENT,
		"AWSCURRENT moves only from where it is":             checkAWSCURRENTMovesOnlyFromWhereItIs,
		"AWSCURRENT is never just removed":                   checkAWSCURRENTIsNeverJustRemoved,
		"label attached elsewhere needs RemoveFromVersionId": checkLabelAttachedElsewhereNeedsRemoveFromVersionId,
		"AWSPENDING is removed":                              checkAWSPENDINGIsRemoved,
		"versions without labels are deprecated":             checkVersionsWithoutLabelsAreDeprecated,
		"cancel needs a rotation":                            checkCancelNeedsARotation,
	}
}

func checkPutMakesTheValueCurrent(t *testing.T, to target) {
	h := newHeld(t, to)
	second := h.mustPut(t, "two")
	h.wantStages(t, map[string][]string{second: {"AWSCURRENT"}, h.first: {"AWSPREVIOUS"}})
	third := h.mustPut(t, "three")
	h.wantStages(t, map[string][]string{third: {"AWSCURRENT"}, second: {"AWSPREVIOUS"}})
}

func checkPendingValueLeavesTheCurrentOne(t *testing.T, to target) {
	h := newHeld(t, to)
	pending := h.mustPut(t, "two", "AWSPENDING")
	h.wantStages(t, map[string][]string{pending: {"AWSPENDING"}, h.first: {"AWSCURRENT"}})
	out, err := h.get(t, nil, aws.String("AWSPENDING"))
	if err != nil || *out.SecretString != "two" || *out.VersionId != pending {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkVersionIsReadByItsId(t *testing.T, to target) {
	h := newHeld(t, to)
	pending := h.mustPut(t, "two", "AWSPENDING")
	out, err := h.get(t, &pending, nil)
	if err != nil || *out.SecretString != "two" || !slices.Equal(out.VersionStages, []string{"AWSPENDING"}) {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkIdAndLabelMustAgree(t *testing.T, to target) {
	h := newHeld(t, to)
	pending := h.mustPut(t, "two", "AWSPENDING")
	if out, err := h.get(t, &pending, aws.String("AWSPENDING")); err != nil || *out.SecretString != "two" {
		t.Errorf("%+v, %v", out, err)
	}
	_, err := h.get(t, &h.first, aws.String("AWSPENDING"))
	awstest.WantCode(t, err, "InvalidRequestException")
}

func checkUnattachedLabelAndUnknownVersionAreNotFound(t *testing.T, to target) {
	h := newHeld(t, to)
	_, err := h.get(t, nil, aws.String("AWSPENDING"))
	awstest.WantCode(t, err, "ResourceNotFoundException")
	_, err = h.get(t, aws.String(token), nil)
	awstest.WantCode(t, err, "ResourceNotFoundException")
}

func checkSameTokenAndValueIsNoChange(t *testing.T, to target) {
	h := newHeld(t, to)
	for range 2 {
		if id, err := h.put(t, "two", aws.String(token), "AWSPENDING"); err != nil || id != token {
			t.Errorf("version %s, %v", id, err)
		}
	}
	h.wantStages(t, map[string][]string{token: {"AWSPENDING"}, h.first: {"AWSCURRENT"}})
}

func checkSameTokenWithAnotherValueIsRefused(t *testing.T, to target) {
	h := newHeld(t, to)
	if _, err := h.put(t, "two", aws.String(token), "AWSPENDING"); err != nil {
		t.Fatal(err)
	}
	_, err := h.put(t, "three", aws.String(token), "AWSPENDING")
	awstest.WantCode(t, err, "ResourceExistsException")
	if out, err := h.get(t, aws.String(token), aws.String("AWSPENDING")); err != nil || *out.SecretString != "two" {
		t.Errorf("%+v, %v", out, err)
	}
}

func checkAWSPREVIOUSFollowsAWSCURRENT(t *testing.T, to target) {
	h := newHeld(t, to)
	pending := h.mustPut(t, "two", "AWSPENDING")
	if err := h.move(t, "AWSCURRENT", &h.first, &pending); err != nil {
		t.Fatal(err)
	}
	h.wantStages(t, map[string][]string{pending: {"AWSCURRENT", "AWSPENDING"}, h.first: {"AWSPREVIOUS"}})
}

func checkAWSCURRENTMovesOnlyFromWhereItIs(t *testing.T, to target) {
	h := newHeld(t, to)
	pending := h.mustPut(t, "two", "AWSPENDING")
	awstest.WantCode(t, h.move(t, "AWSCURRENT", nil, &pending), "InvalidParameterException")
	awstest.WantCode(t, h.move(t, "AWSCURRENT", &pending, &pending), "InvalidParameterException")
	awstest.WantCode(t, h.move(t, "AWSCURRENT", &h.first, aws.String(token)), "InvalidParameterException")
	h.wantStages(t, map[string][]string{pending: {"AWSPENDING"}, h.first: {"AWSCURRENT"}})
}

func checkAWSCURRENTIsNeverJustRemoved(t *testing.T, to target) {
	h := newHeld(t, to)
	awstest.WantCode(t, h.move(t, "AWSCURRENT", &h.first, nil), "InvalidParameterException")
}

func checkLabelAttachedElsewhereNeedsRemoveFromVersionId(t *testing.T, to target) {
	h := newHeld(t, to)
	h.mustPut(t, "two", "AWSPENDING")
	awstest.WantCode(t, h.move(t, "AWSPENDING", nil, &h.first), "InvalidParameterException")
}

func checkAWSPENDINGIsRemoved(t *testing.T, to target) {
	h := newHeld(t, to)
	pending := h.mustPut(t, "two", "AWSPENDING")
	if err := h.move(t, "AWSPENDING", &pending, nil); err != nil {
		t.Fatal(err)
	}
	h.wantStages(t, map[string][]string{pending: nil, h.first: {"AWSCURRENT"}})
}

func checkVersionsWithoutLabelsAreDeprecated(t *testing.T, to target) {
	h := newHeld(t, to)
	h.mustPut(t, "two")
	h.mustPut(t, "three")
	for deprecated, want := range map[bool]int{false: 2, true: 3} {
		out, err := h.client.ListSecretVersionIds(t.Context(), &secretsmanager.ListSecretVersionIdsInput{SecretId: h.id, IncludeDeprecated: &deprecated})
		if err != nil || len(out.Versions) != want {
			t.Errorf("with deprecated ones %v: %+v, %v, want %d", deprecated, out, err, want)
		}
	}
}

func checkCancelNeedsARotation(t *testing.T, to target) {
	h := newHeld(t, to)
	_, err := h.client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: h.id})
	awstest.WantCode(t, err, "InvalidRequestException")
}

func passwordChecks() map[string]check {
	return map[string]check{
		"password has each type":                     checkPasswordHasEachType,
		"password is 32 long unless told":            checkPasswordIs32LongUnlessTold,
		"password leaves out what is excluded":       checkPasswordLeavesOutWhatIsExcluded,
		"password shorter than its types is refused": checkPasswordShorterThanItsTypesIsRefused,
	}
}

const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"

func randomPassword(t *testing.T, to target, in secretsmanager.GetRandomPasswordInput) string {
	t.Helper()
	out, err := secretsmanager.NewFromConfig(to.config).GetRandomPassword(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.RandomPassword
}

func checkPasswordHasEachType(t *testing.T, to target) {
	for range 20 {
		p := randomPassword(t, to, secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(4)})
		if len(p) != 4 || !strings.ContainsAny(p, lower) || !strings.ContainsAny(p, upper) || !strings.ContainsAny(p, digits) || strings.Trim(p, lower+upper+digits) == "" {
			t.Errorf("%q lacks a type", p)
		}
	}
}

func checkPasswordIs32LongUnlessTold(t *testing.T, to target) {
	if p := randomPassword(t, to, secretsmanager.GetRandomPasswordInput{}); len(p) != 32 || strings.Contains(p, " ") {
		t.Errorf("%q", p)
	}
}

func checkPasswordLeavesOutWhatIsExcluded(t *testing.T, to target) {
	p := randomPassword(t, to, secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(400), ExcludeCharacters: aws.String("abc"),
		ExcludeNumbers: aws.Bool(true), ExcludePunctuation: aws.Bool(true), ExcludeUppercase: aws.Bool(true)})
	if len(p) != 400 || strings.Trim(p, "defghijklmnopqrstuvwxyz") != "" {
		t.Errorf("%q", p)
	}
}

func checkPasswordShorterThanItsTypesIsRefused(t *testing.T, to target) {
	_, err := secretsmanager.NewFromConfig(to.config).GetRandomPassword(t.Context(), &secretsmanager.GetRandomPasswordInput{PasswordLength: aws.Int64(3)})
	awstest.WantCode(t, err, "InvalidParameterException")
}
