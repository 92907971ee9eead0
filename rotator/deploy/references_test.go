package deploy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// reference is one Ref, GetAtt or ${…} and the Fn::If branches that lead to it.
type reference struct {
	target string
	guards []guard
}

type guard struct {
	condition string
	holds     bool
}

// references lists what a value refers to by name: parameters, pseudo parameters and resources.
func references(value any, guards []guard) []reference {
	switch name, argument := call(value); name {
	case "Ref":
		return []reference{{argument.(string), guards}}
	case "Fn::GetAtt":
		return []reference{{argument.([]any)[0].(string), guards}}
	case "Fn::Sub":
		return subReferences(argument, guards)
	case "Fn::If":
		branches := argument.([]any)
		condition := branches[0].(string)
		then := append(slices.Clone(guards), guard{condition, true})
		otherwise := append(slices.Clone(guards), guard{condition, false})
		return append(references(branches[1], then), references(branches[2], otherwise)...)
	}
	var found []reference
	switch value := value.(type) {
	case map[string]any:
		for _, item := range value {
			found = append(found, references(item, guards)...)
		}
	case []any:
		for _, item := range value {
			found = append(found, references(item, guards)...)
		}
	}
	return found
}

func subReferences(argument any, guards []guard) []reference {
	local := map[string]any{}
	if list, ok := argument.([]any); ok {
		argument, local = list[0], list[1].(map[string]any)
	}
	found := references(local, guards)
	for _, match := range placeholder.FindAllStringSubmatch(argument.(string), -1) {
		name, _, _ := strings.Cut(match[1], ".")
		if _, ok := local[name]; !ok {
			found = append(found, reference{name, guards})
		}
	}
	return found
}

// dependsOn lists the names in a DependsOn, which may be one or several.
func dependsOn(value any) []reference {
	var found []reference
	switch value := value.(type) {
	case string:
		found = append(found, reference{target: value})
	case []any:
		for _, name := range value {
			found = append(found, reference{target: name.(string)})
		}
	}
	return found
}

func (r resource) references() []reference {
	return slices.Concat(references(r.Properties, nil), references(r.Metadata, nil), dependsOn(r.DependsOn))
}

// dangling returns the values under which a reference made by something with this condition leads to
// a resource that does not exist. It tries every combination of the parameters that could matter.
func dangling(template template, from string, ref reference) (map[string]string, bool) {
	if _, ok := template.Parameters[ref.target]; ok || pseudoParameters[ref.target] != nil {
		return nil, false
	}
	target, ok := template.Resources[ref.target]
	if !ok {
		return nil, true
	}
	var conditions []string
	for _, guard := range append(slices.Clone(ref.guards), guard{from, true}, guard{target.Condition, true}) {
		if guard.condition != "" {
			conditions = append(conditions, guard.condition)
		}
	}
	var found map[string]string
	everyStack(template, parametersOf(template, conditions...), func(s stack) {
		reached := s.exists(from) && !slices.ContainsFunc(ref.guards, func(g guard) bool { return s.holds(g.condition) != g.holds })
		if reached && !s.exists(target.Condition) {
			found = s.values
		}
	})
	return found, found != nil
}

func TestEveryReferenceResolves(t *testing.T) {
	t.Parallel()
	for _, template := range distinct(transformed(t)) {
		for name, resource := range template.Resources {
			for _, ref := range resource.references() {
				if values, bad := dangling(template, resource.Condition, ref); bad {
					t.Errorf("%s refers to %s, which does not exist with %v", name, ref.target, values)
				}
			}
		}
		for name, output := range template.Outputs {
			for _, ref := range references(output.Value, nil) {
				if values, bad := dangling(template, output.Condition, ref); bad {
					t.Errorf("output %s refers to %s, which does not exist with %v", name, ref.target, values)
				}
			}
		}
	}
}

// Conditions only take references away, so no circle in the whole is no circle in any combination.
func TestNoCircularDependency(t *testing.T) {
	t.Parallel()
	for _, template := range distinct(transformed(t)) {
		if circle := circle(template); circle != nil {
			t.Errorf("circular dependency: %s", strings.Join(circle, " → "))
		}
	}
}

func circle(template template) []string {
	done := map[string]bool{}
	var visit func(name string, path []string) []string
	visit = func(name string, path []string) []string {
		if i := slices.Index(path, name); i >= 0 {
			return append(slices.Clone(path[i:]), name)
		}
		if done[name] {
			return nil
		}
		for _, ref := range template.Resources[name].references() {
			if _, ok := template.Resources[ref.target]; !ok {
				continue
			}
			if found := visit(ref.target, append(slices.Clone(path), name)); found != nil {
				return found
			}
		}
		done[name] = true
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(template.Resources)) {
		if found := visit(name, nil); found != nil {
			return found
		}
	}
	return nil
}

func TestEveryParameterAndConditionIsUsed(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	used := map[string]bool{}
	note := func(condition string, refs []reference) {
		used[condition] = true
		for _, ref := range refs {
			used[ref.target] = true
			for _, guard := range ref.guards {
				used[guard.condition] = true
			}
		}
	}
	for _, resource := range template.Resources {
		note(resource.Condition, resource.references())
	}
	for _, output := range template.Outputs {
		note(output.Condition, references(output.Value, nil))
	}
	for condition := range template.Conditions {
		for _, parameter := range parametersOf(template, condition) {
			used[parameter] = true
		}
	}
	for name := range template.Parameters {
		if !used[name] {
			t.Errorf("parameter %s changes nothing", name)
		}
	}
}
