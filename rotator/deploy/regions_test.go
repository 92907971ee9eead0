package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/postgres"
)

// The certificates themselves say which Regions they are for.
func TestPageListsTheRegionsWhoseRootsAreKnown(t *testing.T) {
	t.Parallel()
	known, err := postgres.NewRoots("").Regions()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("regions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "certificate authorities of these Regions")
	list, _, _ = strings.Cut(list, "For any other")
	var told []string
	for _, match := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(list, -1) {
		told = append(told, match[1])
	}
	if !slices.Equal(told, known) {
		t.Errorf("the page lists\n%v\nand the binary holds\n%v", told, known)
	}
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		if !slices.Contains(known, region) {
			t.Errorf("the binary does not know the certificate authority of %s", region)
		}
	}
}
