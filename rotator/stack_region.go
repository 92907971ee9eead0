package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// texts are a text or a list of texts, as a parameter of a stack is either.
type texts []string

// UnmarshalJSON reads either.
func (t *texts) UnmarshalJSON(value []byte) error {
	var one string
	if json.Unmarshal(value, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(value, (*[]string)(t))
}

// admitRegion returns an error that names each ARN, by its parameter, that is of another Region than the functions: there they would be
// told that it does not exist.
func admitRegion(arns map[string]texts, region string) error {
	var faults []error
	for _, parameter := range slices.Sorted(maps.Keys(arns)) {
		for _, text := range arns[parameter] {
			if named, err := arn.Parse(text); err == nil && named.Region != region {
				faults = append(faults, fmt.Errorf("%s: %q is in the Region %q, and the functions work in %q: deploy a stack in that Region", parameter, text, named.Region, region))
			}
		}
	}
	return errors.Join(faults...)
}
