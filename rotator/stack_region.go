package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// admitRegion returns an error that names each ARN, of lists with commas between them by parameter, that is of another Region than the
// functions': there they would be told that it does not exist.
func admitRegion(arns map[string]string, region string) error {
	var faults []error
	for _, parameter := range slices.Sorted(maps.Keys(arns)) {
		for text := range strings.SplitSeq(arns[parameter], ",") {
			if named, err := arn.Parse(text); err == nil && named.Region != region {
				faults = append(faults, fmt.Errorf("%s: %q is in the Region %q, and the functions work in %q: deploy a stack in that Region", parameter, text, named.Region, region))
			}
		}
	}
	return errors.Join(faults...)
}
