package rds

import (
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// RenameDBInstance gives an instance another identifier, also among the members of its cluster. Its DbiResourceId stays, and
// so does its endpoint, which here is where the server listens.
func (d *Databases) RenameDBInstance(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rename(from, to)
}

// SwapDBInstances exchanges the identifiers of two instances, as a switchover does.
func (d *Databases) SwapDBInstances(a, b string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	const between = "swapping"
	for _, pair := range [][2]string{{a, between}, {b, a}, {between, b}} {
		if err := d.rename(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// WithholdDBClusterMembers has RDS describe a cluster without its members.
func (d *Databases) WithholdDBClusterMembers(cluster string, withheld bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.withoutMembers[identifierOf(cluster)] = withheld
}

func (d *Databases) rename(from, to string) error {
	from, to = identifierOf(from), identifierOf(to)
	instance, found := d.instances[from]
	if _, taken := d.instances[to]; taken || !found {
		return fmt.Errorf("renaming DB instance %q to %q: the former must exist, and the latter must not", from, to)
	}
	delete(d.instances, from)
	instance.DBInstanceIdentifier = aws.String(to)
	d.instances[to] = instance
	for name, c := range d.clusters {
		// The slice is also the test's.
		c.DBClusterMembers = slices.Clone(c.DBClusterMembers)
		for i, m := range c.DBClusterMembers {
			if identifierOf(aws.ToString(m.DBInstanceIdentifier)) == from {
				c.DBClusterMembers[i].DBInstanceIdentifier = aws.String(to)
			}
		}
		d.clusters[name] = c
	}
	return nil
}

// identify gives an instance that tells no DbiResourceId the one that it has, or a new one.
func (d *Databases) identify(i types.DBInstance) types.DBInstance {
	if i.DbiResourceId == nil {
		i.DbiResourceId = d.instances[identifierOf(aws.ToString(i.DBInstanceIdentifier))].DbiResourceId
	}
	if i.DbiResourceId == nil {
		i.DbiResourceId = aws.String("db-" + rand.Text())
	}
	return i
}
