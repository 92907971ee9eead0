package cloudformation_test

import (
	"strings"
	"testing"

	"pgrotator/rotator/internal/cloudformation"
)

// What cannot be expanded rightly is an error, and never left out.
func TestExpandRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for text, expected := range map[string]string{
		"Resources: {Api: {Type: AWS::Serverless::HttpApi}}":                                                   "AWS::Serverless::HttpApi",
		"Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: {}}}}":                          "property Events",
		"Globals: {Function: {Timeout: 3}}\nResources: {F: {Type: AWS::Serverless::Function, Properties: {}}}": "Globals",
	} {
		template, err := cloudformation.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := cloudformation.Expand(template); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

func TestReadRefusesWhatIsNoTemplate(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "Resources", "\t: {"} {
		if template, err := cloudformation.Read([]byte(text)); err == nil {
			t.Errorf("%q reads as %v", text, template)
		}
	}
}
