package subnet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// AdmitEndpoint returns an error that tells every reason for which an interface endpoint in a VPC cannot be in the subnets of these IDs:
// EC2 takes one subnet of each zone (EC2 API Reference, CreateVpcEndpoint), and none of another VPC. Described is what [Describe] says
// of them.
func AdmitEndpoint(vpc string, ids []string, described []Subnet) error {
	byID := map[string]Subnet{}
	for _, s := range described {
		byID[s.ID] = s
	}
	var faults []error
	inZone := map[string][]string{}
	for _, id := range ids {
		s := byID[id]
		if s.VPC != vpc {
			faults = append(faults, fmt.Errorf("the subnet %q is in the VPC %q, and the endpoints are made in %q", id, s.VPC, vpc))
		}
		inZone[s.Zone] = append(inZone[s.Zone], id)
	}
	for _, zone := range slices.Sorted(maps.Keys(inZone)) {
		if same := inZone[zone]; len(same) > 1 {
			faults = append(faults, fmt.Errorf("the subnets %q are in one zone, %q, and an endpoint takes one subnet of each", same, zone))
		}
	}
	return errors.Join(faults...)
}
