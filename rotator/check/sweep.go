package check

import (
	"context"

	"pgrotator/rotator/role"
)

func (c *Check) sweep(ctx context.Context, l *list, s subject, session *role.Session) {}
