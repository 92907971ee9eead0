package states

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// parse reads a definition, and refuses whatever in it is not interpreted here.
func parse(definition []byte) (workflow, error) {
	var w workflow
	list := json.NewDecoder(bytes.NewReader(definition))
	list.DisallowUnknownFields()
	if err := list.Decode(&w); err != nil {
		return w, fmt.Errorf("reading the definition: %w", err)
	}
	return w, w.admit()
}

var lambdaInvoke = regexp.MustCompile(`^arn:aws[a-z-]*:states:::lambda:invoke$`)
var getObject = regexp.MustCompile(`^arn:aws[a-z-]*:states:::s3:getObject$`)
var putObject = regexp.MustCompile(`^arn:aws[a-z-]*:states:::s3:putObject$`)

func (w workflow) admit() error {
	if _, found := w.States[w.StartAt]; !found {
		return fmt.Errorf("StartAt names %q, which is no state", w.StartAt)
	}
	for name, s := range w.States {
		if err := s.admit(w); err != nil {
			return fmt.Errorf("state %s: %w", name, err)
		}
	}
	return nil
}

func (s state) admit(w workflow) error {
	for _, next := range s.following() {
		if _, found := w.States[next]; !found {
			return fmt.Errorf("it leads to %q, which is no state", next)
		}
	}
	ends := s.End || s.Type == "Succeed"
	switch {
	case s.Type != "Choice" && ends == (s.Next != ""):
		return fmt.Errorf("it needs either Next or End")
	case s.Type == "Task" && !lambdaInvoke.MatchString(s.Resource):
		return fmt.Errorf("the resource %q is not interpreted", s.Resource)
	case s.Type == "Map":
		return s.admitMap()
	case s.Type == "Choice" && (len(s.Choices) == 0 || s.Default == ""):
		return fmt.Errorf("a Choice without choices or a default ends with an error")
	case s.Type != "Task" && s.Type != "Choice" && s.Type != "Succeed":
		return fmt.Errorf("the type %q is not interpreted", s.Type)
	}
	return nil
}

func (s state) admitMap() error {
	switch p := s.ItemProcessor; {
	case p == nil || p.ProcessorConfig["Mode"] != "DISTRIBUTED" || p.ProcessorConfig["ExecutionType"] != "STANDARD":
		return fmt.Errorf("only a distributed Map with STANDARD children is interpreted")
	case s.MaxConcurrency < 1:
		return fmt.Errorf("a Map without MaxConcurrency starts 10,000 children at once")
	case s.ItemReader == nil || !getObject.MatchString(s.ItemReader.Resource) || s.ItemReader.ReaderConfig.InputType != "JSON":
		return fmt.Errorf("only a Map with an ItemReader of JSON from S3 is interpreted")
	case s.ResultWriter == nil || !putObject.MatchString(s.ResultWriter.Resource):
		return fmt.Errorf("only a Map with a ResultWriter to S3 is interpreted")
	default:
		return p.admit()
	}
}

// following are the states that s names.
func (s state) following() []string {
	var names []string
	for _, name := range []string{s.Next, s.Default} {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, c := range s.Choices {
		names = append(names, c.Next)
	}
	for _, c := range s.Catch {
		names = append(names, c.Next)
	}
	return names
}

func orRoot(path string) string {
	if path == "" {
		return "$"
	}
	return path
}

var step = regexp.MustCompile(`^(?:\.(\w+)|\[(\d+)\])`)

// at is what a reference path leads to: $, names and places in lists.
func at(value any, path string) (any, error) {
	rest, ok := strings.CutPrefix(path, "$")
	for ok && rest != "" {
		found := step.FindStringSubmatch(rest)
		if found == nil {
			return nil, &Error{"States.Runtime", fmt.Sprintf("the path %q is not interpreted", path)}
		}
		rest = rest[len(found[0]):]
		value, ok = child(value, found[1], found[2])
	}
	if !ok {
		return nil, &Error{"States.Runtime", fmt.Sprintf("the path %q leads nowhere", path)}
	}
	return value, nil
}

func child(value any, name, place string) (any, bool) {
	if name != "" {
		object, _ := value.(map[string]any)
		found, ok := object[name]
		return found, ok
	}
	list, _ := value.([]any)
	n, err := strconv.Atoi(place)
	if err != nil || n >= len(list) {
		return nil, false
	}
	return list[n], true
}

// fill is a payload template with what its paths lead to: the value of a key that ends in .$ is a path.
func fill(template, value any) (any, error) {
	switch template := template.(type) {
	case map[string]any:
		filled := map[string]any{}
		for key, part := range template {
			plain, isPath := strings.CutSuffix(key, ".$")
			var err error
			if isPath {
				filled[plain], err = at(value, part.(string))
			} else {
				filled[key], err = fill(part, value)
			}
			if err != nil {
				return nil, err
			}
		}
		return filled, nil
	case []any:
		filled := make([]any, len(template))
		for n, part := range template {
			var err error
			if filled[n], err = fill(part, value); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return template, nil
}
