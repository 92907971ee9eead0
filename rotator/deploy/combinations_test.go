package deploy_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
)

// choice is one value of one parameter.
type choice struct{ parameter, value string }

// choices are, for each parameter that turns something in the template, all its values: the default first.
func choices(template template) [][]choice {
	byDefault := newStack(template, nil).values
	var all [][]choice
	for _, name := range slices.Sorted(maps.Keys(alternatives)) {
		values := []choice{{name, byDefault[name]}}
		if partition, ok := pseudoParameters[name].(string); ok {
			values[0].value = partition
		}
		for _, value := range alternatives[name] {
			values = append(values, choice{name, value})
		}
		all = append(all, values)
	}
	var architectures []choice
	for _, value := range template.Parameters["Architecture"].AllowedValues {
		architectures = append(architectures, choice{"Architecture", value.(string)})
	}
	return append(all, architectures)
}

// everyPair are so few sets of parameters' values that each pair of values of two parameters is in one of them at least.
func everyPair(template template) []map[string]string {
	all := choices(template)
	wanted := pairsOf(all)
	var sets []map[string]string
	for len(wanted) > 0 {
		set := map[string]string{}
		for _, c := range mostOf(wanted, all) {
			set[c.parameter] = c.value
		}
		sets = append(sets, set)
	}
	return sets
}

// mostOf chooses a value of each parameter, and takes the pairs that they make out of those wanted. It chooses the value that makes the
// most with those chosen before; of several, the one that is in the most pairs wanted, so that every set takes one out at least.
func mostOf(wanted map[[2]choice]bool, all [][]choice) []choice {
	asked := map[choice]int{}
	for p := range wanted {
		asked[p[0]]++
		asked[p[1]]++
	}
	var chosen []choice
	for _, values := range all {
		makes := map[choice]int{}
		for _, value := range values {
			makes[value] = len(slices.DeleteFunc(slices.Clone(chosen), func(c choice) bool { return !wanted[pair(value, c)] }))
		}
		best := slices.MaxFunc(values, func(a, b choice) int { return cmp.Or(cmp.Compare(makes[a], makes[b]), cmp.Compare(asked[a], asked[b])) })
		for _, c := range chosen {
			delete(wanted, pair(best, c))
		}
		chosen = append(chosen, best)
	}
	return chosen
}

func pair(a, b choice) [2]choice {
	if a.parameter > b.parameter {
		a, b = b, a
	}
	return [2]choice{a, b}
}

func pairsOf(all [][]choice) map[[2]choice]bool {
	pairs := map[[2]choice]bool{}
	for n, values := range all {
		for _, others := range all[:n] {
			for _, a := range values {
				for _, b := range others {
					pairs[pair(a, b)] = true
				}
			}
		}
	}
	return pairs
}

// What a stack is made of has no empty list, no name left open and no ARN with a hole: each resource with every combination of the
// parameters that turn something in it, and all of them together with every pair of parameters. The functions, which most parameters turn,
// have every combination in the long campaign.
func TestEveryCombinationIsWhole(t *testing.T) {
	t.Parallel()
	const few = 12
	template := readTemplate(t)
	for name, resource := range template.Resources {
		conditions := append(conditionsIn(resource.Properties), conditionsIn(resource.Metadata)...)
		if resource.Condition != "" {
			conditions = append(conditions, resource.Condition)
		}
		if turning := parametersOf(template, conditions...); len(turning) <= few || localtest.Soaking() {
			everyStack(template, turning, func(s stack) { s.isWhole(t, name) })
		}
	}
	for _, values := range everyPair(template) {
		for name := range template.Resources {
			newStack(template, values).isWhole(t, name)
		}
	}
}

func (s stack) isWhole(t *testing.T, name string) {
	t.Helper()
	resource := s.template.Resources[name]
	if !s.exists(resource.Condition) {
		return
	}
	if hole := s.hole(s.resolve(resource.Properties)); hole != "" {
		t.Errorf("%s has %s with %v", name, hole, s.values)
	}
}

// standsFor finds resources in a text that is resolved; what EventBridge fills in is written <small>.
var standsFor = regexp.MustCompile(`<([A-Z]\w*)(?:\.\w+)?>`)

// hole tells what is missing in a value that is resolved; "" = nothing.
func (s stack) hole(value any) string {
	switch value := value.(type) {
	case map[string]any:
		for key, item := range value {
			if hole := s.hole(item); hole != "" {
				return key + ": " + hole
			}
		}
	case []any:
		if len(value) == 0 || slices.Contains(value, any("")) {
			return fmt.Sprintf("nothing in the list %q", value)
		}
		for _, item := range value {
			if hole := s.hole(item); hole != "" {
				return hole
			}
		}
	case string:
		return s.holeInText(value)
	}
	return ""
}

func (s stack) holeInText(text string) string {
	if strings.Contains(text, "${") {
		return fmt.Sprintf("a name left open in %q", text)
	}
	for _, match := range standsFor.FindAllStringSubmatch(text, -1) {
		if resource, ok := s.template.Resources[match[1]]; !ok || !s.exists(resource.Condition) {
			return match[1] + ", which is not made"
		}
	}
	parts := strings.SplitN(text, ":", 6)
	if parts[0] == "arn" && (len(parts) < 6 || parts[1] == "" || parts[2] == "" || parts[5] == "" || strings.Contains(text, ",")) {
		return fmt.Sprintf("the ARN %q", text)
	}
	return ""
}
