package rotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
)

const blue = "arn:aws:rds:us-east-1:123456789012:"

func deploy(s *localtest.Scene, status string, source string) {
	s.AWS.SetBlueGreenDeployment(types.BlueGreenDeployment{BlueGreenDeploymentIdentifier: aws.String("bgd-1"),
		BlueGreenDeploymentName: aws.String("upgrade"), Status: &status, Source: &source, Target: aws.String(blue + "cluster:orders-green-x")})
}

func newBlueScene(t *testing.T) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(map[string]any{"dbClusterIdentifier": "Orders"})
	return s
}

// In each status that a switchover may still follow nothing is changed, and the next attempt after it completes.
func TestRotationHoldsOffDuringBlueGreen(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"PROVISIONING", "AVAILABLE", "SWITCHOVER_IN_PROGRESS", "SWITCHOVER_FAILED"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			s := newBlueScene(t)
			deploy(s, status, blue+"cluster:orders")
			mustRefuseRotation(t, s, `the blue/green deployment "upgrade" of this database is under way (`+status+")", "nothing is changed")
			if out := s.Function.Output(); !strings.Contains(out, `"RotationHeld":1`) {
				t.Errorf("nothing is counted:\n%s", out)
			}
			deploy(s, "SWITCHOVER_COMPLETED", blue+"cluster:orders")
			before := s.Credential("AWSCURRENT")
			s.Steps(s.PendingToken(), "createSecret", "setSecret", "testSecret", "finishSecret")
			checkRotated(t, s, before)
		})
	}
}

// What does not hold off.
func TestRotationGoesOnBesideBlueGreen(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(s *localtest.Scene){
		"switched over":           func(s *localtest.Scene) { deploy(s, "SWITCHOVER_COMPLETED", blue+"cluster:orders") },
		"being deleted":           func(s *localtest.Scene) { deploy(s, "DELETING", blue+"cluster:orders") },
		"of another database":     func(s *localtest.Scene) { deploy(s, "AVAILABLE", blue+"cluster:my:orders") },
		"of an instance so named": func(s *localtest.Scene) { deploy(s, "AVAILABLE", blue+"db:orders") },
		"cannot be seen": func(s *localtest.Scene) {
			deploy(s, "AVAILABLE", blue+"cluster:orders")
			s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
				if c.Operation == "DescribeBlueGreenDeployments" {
					return localaws.Fail("AccessDenied", 403)
				}
				return localaws.Pass
			})
		},
		"current expires before the next rotation": func(s *localtest.Scene) {
			deploy(s, "AVAILABLE", blue+"cluster:orders")
			s.SQL(fmt.Sprintf("ALTER ROLE %s VALID UNTIL '%s'", s.A, time.Now().AddDate(0, 0, 20).Format(time.RFC3339)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newBlueScene(t)
			arrange(s)
			rotateAndCheck(t, s, 1)
			if out := s.Function.Output(); !strings.Contains(out, `"RotationHeld":0`) || strings.Contains(out, `"RotationHeld":1`) {
				t.Errorf("RotationHeld is not counted as 0:\n%s", out)
			}
		})
	}
}

// An answer that says nothing is no permission: the step fails, and Secrets Manager repeats it.
func TestUnclearAnswerHoldsOff(t *testing.T) {
	t.Parallel()
	s := newBlueScene(t)
	s.AWS.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Operation == "DescribeBlueGreenDeployments" {
			return localaws.Fail("InternalFailure", 500)
		}
		return localaws.Pass
	})
	mustRefuseRotation(t, s, "looking for a blue/green deployment")
}

// A secret may name the writer's own endpoint: the deployment's members are its sources too.
func TestMemberOfBlueHoldsOff(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.ArticleRoles("CREATEROLE")
	s.CreateSecret(map[string]any{"dbInstanceIdentifier": "orders-1"})
	s.AWS.SetBlueGreenDeployment(types.BlueGreenDeployment{BlueGreenDeploymentIdentifier: aws.String("bgd-1"), Status: aws.String("AVAILABLE"),
		Source:            aws.String(blue + "cluster:orders"),
		SwitchoverDetails: []types.SwitchoverDetail{{SourceMember: aws.String(blue + "db:orders-1")}}})
	mustRefuseRotation(t, s, "is under way (AVAILABLE)")
}

// The look costs one call, and no more connections.
func TestCostOfTheLook(t *testing.T) {
	t.Parallel()
	s := newBlueScene(t)
	before := countLogins(t, s)
	s.AWS.ResetCalls()
	mustRotate(t, s)
	if calls := functionCalls(s); len(calls) != 13 {
		t.Errorf("%d AWS calls: %v", len(calls), calls)
	}
	if n := countLogins(t, s) - before; n != 2 {
		t.Errorf("%d connections", n)
	}
}
