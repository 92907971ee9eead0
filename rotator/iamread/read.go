// Package iamread reads an AWS account's users, groups, roles and policies from IAM, as far as they concern who may log in to a
// database. It changes nothing.
package iamread

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"pgrotator/rotator/access"
	"pgrotator/rotator/awserror"
)

// pageSize is how many identities and policies a page may hold, of IAM's 1,000 at most: one with all their documents must arrive
// within the time of a call.
const pageSize = 200

// Read lists the account (iam:GetAccountAuthorizationDetails). An error means that nobody can tell who may do what: half an answer is
// none. What is read of it and cannot be understood is in Account.Unread.
func Read(ctx context.Context, client *iam.Client) (*access.Account, error) {
	l := newListing()
	in := iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(pageSize)}
	for {
		page, err := client.GetAccountAuthorizationDetails(ctx, &in)
		if err != nil {
			return nil, fmt.Errorf("listing the account's IAM policies (iam:GetAccountAuthorizationDetails): %w", awserror.IAM.Explain(err))
		}
		l.add(page)
		if !page.IsTruncated {
			return l.account(), nil
		}
		if next := aws.ToString(page.Marker); next == "" || next == aws.ToString(in.Marker) {
			return nil, errors.New("listing the account's IAM policies: IAM says that there is more, and not where it goes on")
		}
		in.Marker = page.Marker
	}
}
