package localaws

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
)

// databases are what RDS describes.
type databases struct {
	mu          sync.Mutex
	clusters    map[string]types.DBCluster
	instances   map[string]types.DBInstance
	deployments map[string]types.BlueGreenDeployment
	events      []types.Event
	// withoutMembers are the clusters that are described without their members.
	withoutMembers map[string]bool
}

func newDatabases() *databases {
	return &databases{
		clusters:    map[string]types.DBCluster{},
		instances:   map[string]types.DBInstance{},
		deployments: map[string]types.BlueGreenDeployment{},

		withoutMembers: map[string]bool{},
	}
}

func newRDSService(d *databases) *service {
	return newQueryService("rds", "http://rds.amazonaws.com/doc/2014-10-31/", map[string]operation{
		"DescribeDBClusters":           d.describeClusters,
		"DescribeDBInstances":          d.describeInstances,
		"DescribeBlueGreenDeployments": d.describeDeployments,
		"DescribeEvents":               d.describeEvents,
	})
}

// SetDBCluster has RDS describe c from now on, in place of any of its
// DBClusterIdentifier.
func (s *Stack) SetDBCluster(c types.DBCluster) {
	s.databases.mu.Lock()
	defer s.databases.mu.Unlock()
	s.databases.clusters[identifierOf(aws.ToString(c.DBClusterIdentifier))] = c
}

// SetDBInstance has RDS describe i from now on, in place of any of its
// DBInstanceIdentifier. One that tells no DbiResourceId keeps the one it has, or gets a new one.
func (s *Stack) SetDBInstance(i types.DBInstance) {
	s.databases.mu.Lock()
	defer s.databases.mu.Unlock()
	s.databases.instances[identifierOf(aws.ToString(i.DBInstanceIdentifier))] = s.databases.identify(i)
}

// RemoveDBInstance has RDS forget an instance. The members of its cluster are
// the caller's to set anew.
func (s *Stack) RemoveDBInstance(identifier string) {
	s.databases.mu.Lock()
	defer s.databases.mu.Unlock()
	delete(s.databases.instances, identifierOf(identifier))
}

// SetBlueGreenDeployment has RDS describe d from now on, in place of any of its
// BlueGreenDeploymentIdentifier.
func (s *Stack) SetBlueGreenDeployment(d types.BlueGreenDeployment) {
	s.databases.mu.Lock()
	defer s.databases.mu.Unlock()
	s.databases.deployments[identifierOf(aws.ToString(d.BlueGreenDeploymentIdentifier))] = d
}

func (d *databases) describeClusters(r request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := describe(r, "DBClusterIdentifier", d.clusters,
		&apiError{code: "DBClusterNotFoundFault", status: 404, message: "DBCluster %s not found."},
		map[string]func(types.DBCluster) *string{
			"db-cluster-id": func(c types.DBCluster) *string { return c.DBClusterIdentifier },
		})
	for i, c := range found {
		if d.withoutMembers[identifierOf(aws.ToString(c.DBClusterIdentifier))] {
			found[i].DBClusterMembers = nil
		}
	}
	return struct{ DBClusters []types.DBCluster }{found}, err
}

func (d *databases) describeInstances(r request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := describe(r, "DBInstanceIdentifier", d.instances,
		&apiError{code: "DBInstanceNotFound", status: 404, message: "DBInstance %s not found."},
		map[string]func(types.DBInstance) *string{
			"db-cluster-id":   func(i types.DBInstance) *string { return i.DBClusterIdentifier },
			"db-instance-id":  func(i types.DBInstance) *string { return i.DBInstanceIdentifier },
			"dbi-resource-id": func(i types.DBInstance) *string { return i.DbiResourceId },
		})
	return struct{ DBInstances []types.DBInstance }{found}, err
}

func (d *databases) describeDeployments(r request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, err := describe(r, "BlueGreenDeploymentIdentifier", d.deployments,
		&apiError{code: "BlueGreenDeploymentNotFoundFault", status: 404, message: "BlueGreenDeployment %s not found."},
		map[string]func(types.BlueGreenDeployment) *string{
			"source": func(d types.BlueGreenDeployment) *string { return d.Source },
			"target": func(d types.BlueGreenDeployment) *string { return d.Target },
		})
	return struct{ BlueGreenDeployments []types.BlueGreenDeployment }{found}, err
}

// describe selects, sorted by identifier and in one page, the one that the
// request names in the parameter, or all that its filters let through.
func describe[T any](r request, parameter string, all map[string]T, missing *apiError, fields map[string]func(T) *string) ([]T, error) {
	named := r.form.Get(parameter)
	identifier := identifierOf(named)
	if _, found := all[identifier]; named != "" && !found {
		return nil, &apiError{code: missing.code, status: missing.status,
			message: strings.Replace(missing.message, "%s", named, 1)}
	}
	filters := parseFilters(r)
	for _, f := range filters {
		if fields[f.name] == nil {
			return nil, &apiError{code: "InvalidParameterValue", status: 400, message: "Unrecognized filter name: " + f.name}
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
func parseFilters(r request) []filter {
	var filters []filter
	for n := 1; ; n++ {
		prefix := "Filters.Filter." + strconv.Itoa(n)
		f := filter{name: r.form.Get(prefix + ".Name")}
		if f.name == "" {
			return filters
		}
		for m := 1; r.form.Has(prefix + ".Values.Value." + strconv.Itoa(m)); m++ {
			f.values = append(f.values, r.form.Get(prefix+".Values.Value."+strconv.Itoa(m)))
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
