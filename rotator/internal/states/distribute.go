package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// execution is a child of a Map, as the ResultWriter writes it.
type execution struct {
	ExecutionArn, Name, Input, Output, Status, Error, Cause string
}

// distribute runs the Map's workflow for each item, so many at a time, and writes what came of each.
func (m *Machine) distribute(ctx context.Context, s state, value any) (any, error) {
	items, err := m.items(ctx, *s.ItemReader, value)
	if err != nil {
		return nil, err
	}
	executions := make([]execution, len(items))
	places := make(chan struct{}, s.MaxConcurrency)
	var children sync.WaitGroup
	for n, item := range items {
		places <- struct{}{}
		children.Go(func() {
			executions[n] = m.child(ctx, *s.ItemProcessor, n, item)
			<-places
		})
	}
	children.Wait()
	return m.write(ctx, s, executions)
}

// items reads the list of the items.
func (m *Machine) items(ctx context.Context, r itemReader, value any) (items []any, err error) {
	filled, err := fill(r.Parameters, value)
	if err != nil {
		return nil, err
	}
	parameters := filled.(map[string]any)
	m.act("s3:GetObject")
	text, err := m.Get(ctx, parameters["Bucket"].(string), parameters["Key"].(string))
	if err != nil {
		return nil, &Error{"States.ItemReaderFailed", err.Error()}
	}
	if err := json.Unmarshal(text, &items); err != nil {
		return nil, &Error{"States.ItemReaderFailed", "the items are no list"}
	}
	return items, nil
}

func (m *Machine) child(ctx context.Context, w workflow, number int, item any) execution {
	m.act("states:StartExecution")
	input, _ := json.Marshal(item) // it was JSON
	e := execution{ExecutionArn: fmt.Sprintf("arn:aws:states:us-east-1:123456789012:execution:fleet/Sweeps:%d", number), Name: fmt.Sprint(number), Input: string(input), Status: "SUCCEEDED"}
	output, err := m.run(ctx, w, item)
	if err == nil {
		text, _ := json.Marshal(output)
		e.Output = string(text)
		return e
	}
	e.Status, e.Error, e.Cause = "FAILED", "States.Runtime", err.Error()
	var named *Error
	if errors.As(err, &named) {
		e.Error, e.Cause = named.Name, named.Cause
	}
	return e
}

// write puts the executions into a file for each way in which they ended, and the list of files beside them.
func (m *Machine) write(ctx context.Context, s state, executions []execution) (any, error) {
	files := map[string][]map[string]any{"SUCCEEDED": {}, "FAILED": {}, "PENDING": {}}
	byStatus := map[string][]execution{}
	for _, e := range executions {
		byStatus[e.Status] = append(byStatus[e.Status], e)
	}
	bucket, folder := s.ResultWriter.Parameters.Bucket, s.ResultWriter.Parameters.Prefix+"/11111111-2222-3333-4444-555555555555"
	m.act("s3:PutObject")
	for status, list := range byStatus {
		body, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		key := folder + "/" + status + "_0.json"
		if err := m.Put(ctx, bucket, key, body); err != nil {
			return nil, &Error{"States.ResultWriterFailed", err.Error()}
		}
		files[status] = append(files[status], map[string]any{"Key": key, "Size": len(body)})
	}
	const run = "arn:aws:states:us-east-1:123456789012:mapRun:fleet/Sweeps:1"
	manifest, err := json.Marshal(map[string]any{"DestinationBucket": bucket, "MapRunArn": run, "ResultFiles": files})
	if err != nil {
		return nil, err
	}
	if err := m.Put(ctx, bucket, folder+"/manifest.json", manifest); err != nil {
		return nil, &Error{"States.ResultWriterFailed", err.Error()}
	}
	if failed := len(byStatus["FAILED"]); failed > 0 && float64(failed) > s.ToleratedFailurePercentage/100*float64(len(executions)) {
		return nil, &Error{"States.ExceedToleratedFailureThreshold", fmt.Sprintf("%d of %d failed", failed, len(executions))}
	}
	return map[string]any{"MapRunArn": run, "ResultWriterDetails": map[string]any{"Bucket": bucket, "Key": folder + "/manifest.json"}}, nil
}
