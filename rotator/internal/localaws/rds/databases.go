// Package rds stands in for the part of Amazon RDS that describes clusters, instances, blue/green deployments and events, and has logs exported.
package rds

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Databases are what RDS describes.
type Databases struct {
	mu          sync.Mutex
	clusters    map[string]types.DBCluster
	instances   map[string]types.DBInstance
	deployments map[string]types.BlueGreenDeployment
	events      []types.Event
	// withoutMembers are the clusters that are described without their members.
	withoutMembers map[string]bool
}

// New is an account without databases.
func New() *Databases {
	return &Databases{
		clusters:    map[string]types.DBCluster{},
		instances:   map[string]types.DBInstance{},
		deployments: map[string]types.BlueGreenDeployment{},

		withoutMembers: map[string]bool{},
	}
}

// Service is the API of d.
func (d *Databases) Service() *protocol.Service {
	return protocol.NewQueryService("rds", "http://rds.amazonaws.com/doc/2014-10-31/", map[string]protocol.Operation{
		"DescribeDBClusters":           d.describeClusters,
		"DescribeDBInstances":          d.describeInstances,
		"DescribeBlueGreenDeployments": d.describeDeployments,
		"DescribeEvents":               d.describeEvents,
		"ModifyDBCluster":              d.modifyCluster,
		"ModifyDBInstance":             d.modifyInstance,
	})
}

// SetDBCluster has RDS describe c from now on, in place of any of its
// DBClusterIdentifier.
func (d *Databases) SetDBCluster(c types.DBCluster) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clusters[identifierOf(aws.ToString(c.DBClusterIdentifier))] = c
}

// SetDBInstance has RDS describe i from now on, in place of any of its
// DBInstanceIdentifier. One that tells no DbiResourceId keeps the one it has, or gets a new one.
func (d *Databases) SetDBInstance(i types.DBInstance) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.instances[identifierOf(aws.ToString(i.DBInstanceIdentifier))] = d.identify(i)
}

// RemoveDBInstance has RDS forget an instance. The members of its cluster are
// the caller's to set anew.
func (d *Databases) RemoveDBInstance(identifier string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.instances, identifierOf(identifier))
}

// SetBlueGreenDeployment has RDS describe b from now on, in place of any of its
// BlueGreenDeploymentIdentifier.
func (d *Databases) SetBlueGreenDeployment(b types.BlueGreenDeployment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deployments[identifierOf(aws.ToString(b.BlueGreenDeploymentIdentifier))] = b
}

func (d *Databases) describeClusters(r protocol.Request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := describe(r, "DBClusterIdentifier", d.clusters,
		&protocol.Error{Code: "DBClusterNotFoundFault", Status: 404, Message: "DBCluster %s not found."},
		map[string]func(types.DBCluster) *string{
			"db-cluster-id": func(c types.DBCluster) *string { return c.DBClusterIdentifier },
		})
	page, marker, pageErr := recordPage(r, found)
	for i, c := range page {
		if d.withoutMembers[identifierOf(aws.ToString(c.DBClusterIdentifier))] {
			page[i].DBClusterMembers = nil
		}
	}
	return struct {
		DBClusters []types.DBCluster
		Marker     *string
	}{page, marker}, cmp.Or(err, pageErr)
}

func (d *Databases) describeInstances(r protocol.Request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := describe(r, "DBInstanceIdentifier", d.instances,
		&protocol.Error{Code: "DBInstanceNotFound", Status: 404, Message: "DBInstance %s not found."},
		map[string]func(types.DBInstance) *string{
			"db-cluster-id":   func(i types.DBInstance) *string { return i.DBClusterIdentifier },
			"db-instance-id":  func(i types.DBInstance) *string { return i.DBInstanceIdentifier },
			"dbi-resource-id": func(i types.DBInstance) *string { return i.DbiResourceId },
		})
	page, marker, pageErr := recordPage(r, found)
	return struct {
		DBInstances []types.DBInstance
		Marker      *string
	}{page, marker}, cmp.Or(err, pageErr)
}

func (d *Databases) describeDeployments(r protocol.Request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := describe(r, "BlueGreenDeploymentIdentifier", d.deployments,
		&protocol.Error{Code: "BlueGreenDeploymentNotFoundFault", Status: 404, Message: "BlueGreenDeployment %s not found."},
		map[string]func(types.BlueGreenDeployment) *string{
			"source": func(d types.BlueGreenDeployment) *string { return d.Source },
			"target": func(d types.BlueGreenDeployment) *string { return d.Target },
		})
	return struct{ BlueGreenDeployments []types.BlueGreenDeployment }{found}, err
}

// describe selects, sorted by identifier, the one that the
// request names in the parameter, or all that its filters let through.
func describe[T any](r protocol.Request, parameter string, all map[string]T, missing *protocol.Error, fields map[string]func(T) *string) ([]T, error) {
	named := r.Form.Get(parameter)
	identifier := identifierOf(named)
	if _, found := all[identifier]; named != "" && !found {
		return nil, &protocol.Error{Code: missing.Code, Status: missing.Status,
			Message: strings.Replace(missing.Message, "%s", named, 1)}
	}
	filters := parseFilters(r)
	for _, f := range filters {
		if fields[f.name] == nil {
			return nil, &protocol.Error{Code: "InvalidParameterValue", Status: 400, Message: "Unrecognized filter name: " + f.name}
		}
	}
	selected := []T{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		excluded := slices.ContainsFunc(filters, func(f filter) bool {
			return !f.admits(aws.ToString(fields[f.name](all[key])))
		})
		if !excluded && cmp.Or(identifier, key) == key {
			selected = append(selected, all[key])
		}
	}
	return selected, nil
}

// filter is one of a request's Filters.
type filter struct {
	name   string
	values []string
}

// parseFilters reads Filters.Filter.1.Name, Filters.Filter.1.Values.Value.1, ….
func parseFilters(r protocol.Request) []filter {
	var filters []filter
	for n := 1; ; n++ {
		prefix := "Filters.Filter." + strconv.Itoa(n)
		f := filter{name: r.Form.Get(prefix + ".Name")}
		if f.name == "" {
			return filters
		}
		for m := 1; r.Form.Has(prefix + ".Values.Value." + strconv.Itoa(m)); m++ {
			f.values = append(f.values, r.Form.Get(prefix+".Values.Value."+strconv.Itoa(m)))
		}
		filters = append(filters, f)
	}
}

// admits tells whether a value is the field itself, or an ARN that ends in it.
func (f filter) admits(field string) bool {
	return slices.ContainsFunc(f.values, func(value string) bool {
		return value == field || identifierOf(value) == field
	})
}

// identifierOf takes an identifier, in any case, or an ARN.
func identifierOf(nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		nameOrARN = nameOrARN[strings.LastIndex(nameOrARN, ":")+1:]
	}
	return strings.ToLower(nameOrARN)
}
