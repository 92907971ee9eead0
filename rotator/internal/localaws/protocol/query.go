package protocol

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"reflect"
	"time"
)

// NewQueryService is a service of the AWS query protocol: forms in, XML out.
func NewQueryService(name, namespace string, operations map[string]Operation) *Service {
	return &Service{
		Name:       name,
		Operations: operations,
		Succeed:    func(operation string, result any) Reply { return queryResult(namespace, operation, result) },
		Fail:       func(e *Error) Reply { return queryFailure(namespace, e) },
		Throttled:  &Error{Code: "Throttling", Status: 400, Message: "Rate exceeded"},
	}
}

func xmlReply(status int, body []byte) Reply {
	return Reply{Status: status, Body: body, Header: map[string]string{"Content-Type": "text/xml"}}
}

func queryResult(namespace, operation string, result any) Reply {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%sResponse xmlns=%q><%sResult>", operation, namespace, operation)
	writeMembers(&b, reflect.ValueOf(result))
	fmt.Fprintf(&b, "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>",
		operation, NewUUID(), operation)
	return xmlReply(200, b.Bytes())
}

func queryFailure(namespace string, e *Error) Reply {
	faultOf := "Sender"
	if e.Status >= 500 {
		faultOf = "Receiver"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<ErrorResponse xmlns=%q><Error><Type>%s</Type>", namespace, faultOf)
	writeElement(&b, "Code", reflect.ValueOf(e.Code))
	writeElement(&b, "Message", reflect.ValueOf(e.Message))
	fmt.Fprintf(&b, "</Error><RequestId>%s</RequestId></ErrorResponse>", NewUUID())
	return xmlReply(e.Status, b.Bytes())
}

// writeMembers writes the fields of a struct of the SDK, whose names are the
// protocol's; nil fields are left out.
func writeMembers(b *bytes.Buffer, v reflect.Value) {
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() {
			writeElement(b, field.Name, v.Field(i))
		}
	}
}

func writeElement(b *bytes.Buffer, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			writeElement(b, name, v.Elem())
		}
		return
	case reflect.Slice:
		writeList(b, name, v)
		return
	}
	fmt.Fprintf(b, "<%s>", name)
	if t, isTime := v.Interface().(time.Time); isTime {
		b.WriteString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
	} else if v.Kind() == reflect.Struct {
		writeMembers(b, v)
	} else {
		// A bytes.Buffer takes everything.
		_ = xml.EscapeText(b, fmt.Append(nil, v.Interface()))
	}
	fmt.Fprintf(b, "</%s>", name)
}

func writeList(b *bytes.Buffer, name string, v reflect.Value) {
	if v.IsNil() {
		return
	}
	fmt.Fprintf(b, "<%s>", name)
	for i := range v.Len() {
		writeElement(b, listItemName(name), v.Index(i))
	}
	fmt.Fprintf(b, "</%s>", name)
}

// listItemName is the element of one entry of a list, as the RDS model names it
// (locationName); where it names none, it is "member".
func listItemName(list string) string {
	switch list {
	case "DBClusters", "DBInstances", "AvailabilityZones", "ReadReplicaIdentifiers", "DBClusterMembers",
		"DomainMemberships", "DBSecurityGroups", "DBParameterGroups", "Subnets", "ProcessorFeatures",
		"ReadReplicaDBInstanceIdentifiers", "ReadReplicaDBClusterIdentifiers", "OptionGroupMemberships",
		"DBInstanceAutomatedBackupsReplications", "Events":
		return list[:len(list)-1]
	case "EventCategories":
		return "EventCategory"
	case "TagList":
		return "Tag"
	case "VpcSecurityGroups":
		return "VpcSecurityGroupMembership"
	}
	return "member"
}
