// Package master finds the master user of the database that a secret belongs to: its credential through masterarn, and proof
// that it is the master of this very server, so that nobody's secret can borrow the master of another.
package master

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"pgrotator/rotator/cluster"
	"pgrotator/rotator/postgres"
	"pgrotator/rotator/secret"
)

// Tags that RDS puts on the master secrets it manages (RDS User Guide, "Password management with Secrets Manager").
const (
	clusterTag  = "aws:rds:primaryDBClusterArn"
	instanceTag = "aws:rds:primaryDBInstanceArn"
)

// Finder reads master secrets and asks RDS where they belong.
type Finder struct {
	store *secret.Store
	rds   *rds.Client
}

// NewFinder reads secrets from store and endpoints from client.
func NewFinder(store *secret.Store, client *rds.Client) *Finder {
	return &Finder{store: store, rds: client}
}

// Master is how to log in as the master user of a secret's server.
type Master struct {
	ARN    string
	Server postgres.Server
	Login  postgres.Login
}

// Of finds the master of a secret's server. TLS towards it follows the master secret alone. It is an error if the secret
// names no masterarn, or one whose server is another.
func (f *Finder) Of(ctx context.Context, v secret.Value) (Master, error) {
	if v.MasterARN == "" {
		return Master{}, fmt.Errorf("the secret has no key \"masterarn\", which names the secret of the master user")
	}
	text, err := f.store.Stage(ctx, v.MasterARN, secret.Current)
	if err != nil {
		return Master{}, fmt.Errorf("reading the secret at masterarn: %w", err)
	}
	found, err := secret.ParseMaster(text)
	if err != nil {
		return Master{}, fmt.Errorf("reading the secret at masterarn, %s: %w", v.MasterARN, err)
	}
	endpoints, err := f.endpoints(ctx, found, v)
	if err != nil {
		return Master{}, fmt.Errorf("finding the server of the secret at masterarn, %s: %w", v.MasterARN, err)
	}
	if !slices.Contains(endpoints, cluster.Address(v.Host, v.Port)) {
		return Master{}, fmt.Errorf("the secret at masterarn, %s, is for %s, and this one is for %s: the master must be of the same host or cluster",
			v.MasterARN, strings.Join(endpoints, ", "), cluster.Address(v.Host, v.Port))
	}
	return Master{
		ARN:    v.MasterARN,
		Server: postgres.Server{Host: v.Host, Port: v.Port, Database: v.Database, Plaintext: found.Plaintext},
		Login:  postgres.Login{User: found.Username, Password: found.Password},
	}, nil
}

// endpoints lists the addresses at which the master's server listens: the one in its secret, else those that RDS tells.
func (f *Finder) endpoints(ctx context.Context, found, v secret.Value) ([]string, error) {
	if found.Host == "" {
		return f.managedEndpoints(ctx, v.MasterARN)
	}
	own := cluster.Address(found.Host, found.Port)
	if own == cluster.Address(v.Host, v.Port) || found.ClusterIdentifier == "" {
		return []string{own}, nil
	}
	endpoints, err := cluster.ClusterAddresses(ctx, f.rds, found.ClusterIdentifier)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(endpoints, own) {
		return []string{own}, nil
	}
	return endpoints, nil
}

// managedEndpoints follows the tags of a master secret that RDS manages.
func (f *Finder) managedEndpoints(ctx context.Context, secretARN string) ([]string, error) {
	description, err := f.store.Describe(ctx, secretARN)
	if err != nil {
		return nil, err
	}
	if arn := description.Tags[clusterTag]; arn != "" {
		return cluster.ClusterAddresses(ctx, f.rds, arn)
	}
	if arn := description.Tags[instanceTag]; arn != "" {
		return cluster.InstanceAddresses(ctx, f.rds, arn)
	}
	return nil, fmt.Errorf("it has no key \"host\", and neither the tag %s nor %s of a secret that RDS manages", clusterTag, instanceTag)
}
