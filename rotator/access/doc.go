// Package access tells who may log in to a database by IAM, from the identity policies of an AWS account: it judges
// rds-db:connect as IAM documents it (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements"), for users, roles
// and the groups of users, within their permission boundaries. It only reads; no I/O.
//
// What cannot be known from a policy is never taken for a refusal: a condition is named and not judged, a variable whose value only
// a session has may be any text, and a Deny that depends on either takes nothing away. Outside of what it judges are the policies
// of the organization (service control and resource control policies), session policies, who may assume a role, and the root user.
package access
