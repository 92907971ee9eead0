package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// modules is the folder into which make deploy-pages has installed what these tests need; without it they are skipped.
func modules(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("PGROTATOR_NODE_MODULES")
	if folder == "" {
		t.Skip("runs in make deploy-pages")
	}
	return folder
}

func TestCDKPage(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Symlink(modules(t), filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	plain := plainTemplate(t)
	write(t, filepath.Join(folder, "build/pgrotator.template.json"), string(plain.text))
	write(t, filepath.Join(folder, "build/pgrotator-arm64.zip"), "a zip")
	write(t, filepath.Join(folder, "app.mjs"), strings.Join(blocks(t, "cdk.md", "ts"), "\n")+"\napp.synth();\n")
	run(t, folder, []string{"CDK_OUTDIR=out"}, program(t, "node"), "app.mjs")

	made := filepath.Join(folder, "out/orders-accounts.template.json")
	text, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	synthesized := newStack(decodeTemplate(t, text), nil)
	given := newStack(plain, map[string]string{"SecretArn": ownSecret, "MasterSecretArn": masterSecret})
	for _, role := range []string{"RotationRole", "SweepRole", "SweepScheduleRole", "ParameterCheckRole"} {
		compareStatements(t, role, bySid(synthesized.statements(role)), bySid(given.statements(role)))
	}
	for _, function := range functions {
		code := fmt.Sprint(synthesized.template.Resources[function].Properties["Code"])
		if !strings.Contains(code, "cdk-hnb659fds-assets-111122223333-eu-west-1") {
			t.Errorf("the code of %s is %s, not the asset", function, code)
		}
	}
	lintErrors(t, made)
}

// lintErrors has cfn-lint look for errors; its warnings are about parameters that the CDK has put values into.
func lintErrors(t *testing.T, path string) {
	t.Helper()
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		return
	}
	printed, _ := exec.CommandContext(t.Context(), lint, "--format", "json", "--ignore-checks", "W", "--", path).Output()
	var found []struct{ Message string }
	if err := json.Unmarshal(printed, &found); err != nil || len(found) > 0 {
		t.Errorf("cfn-lint: %v %s", err, printed)
	}
}

// Every argument in the page's resources is one of the AWS provider's, as the package @cdktf/provider-aws has its schema.
func TestTerraformPageNamesArgumentsOfTheProvider(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(modules(t), "@cdktf/provider-aws/lib")
	resource := regexp.MustCompile(`(?ms)^resource "aws_([a-z0-9_]+)" "[a-z_]+" \{\n(.*?)^\}`)
	argument := regexp.MustCompile(`(?m)^\s+([a-z][a-z0-9_]*)(?:\s+=| \{)`)
	ofTerraform := map[string]bool{"for_each": true, "depends_on": true, "count": true, "lifecycle": true}
	looked := 0
	for _, block := range blocks(t, "terraform.md", "hcl") {
		for _, found := range resource.FindAllStringSubmatch(block, -1) {
			schema, err := os.ReadFile(filepath.Join(folder, strings.ReplaceAll(found[1], "_", "-"), "index.js"))
			if err != nil {
				t.Errorf("the provider has no resource aws_%s: %v", found[1], err)
				continue
			}
			for _, name := range argument.FindAllStringSubmatch(found[2], -1) {
				looked++
				if !ofTerraform[name[1]] && !regexp.MustCompile(`\b`+name[1]+`: \{`).Match(schema) {
					t.Errorf("aws_%s has no argument %s", found[1], name[1])
				}
			}
		}
	}
	if looked < 50 {
		t.Errorf("only %d arguments were looked at", looked)
	}
}
