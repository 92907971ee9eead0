package localaws_test

// motoDeviations names the checks that moto 5.2.1 does not pass, and what it
// does instead of what AWS documents.
func motoDeviations() map[string]string {
	return map[string]string{
		"AWSCURRENT is never just removed":                   "takes AWSCURRENT away and leaves the secret without a current value",
		"AWSCURRENT moves only from where it is":             "detaches the label before it looks at the version to move it to",
		"label attached elsewhere needs RemoveFromVersionId": "asks for RemoveFromVersionId only where AWSCURRENT moves",
		"same token with another value is refused":           "overwrites the value of a token",
		"versions without labels are deprecated":             "lists versions without labels always",
		"streams are interleaved by time":                    "sorts by stream first, unless interleaved is set, which AWS ignores since 2019",
		"question marks mean or":                             "lets a pattern that starts with ? match everything",
		"streams are chosen by name and prefix":              "ignores logStreamNamePrefix",
		"page ends at 1 MB":                                  "bounds a page by its number of events only",
		"instances have resource ids of their own":           "gives every instance the same DbiResourceId",
		"class and creation are told":                        "tells no logGroupClass",
		"query counts":                                       "ignores filter and stats",
		"query that is none is malformed":                    "takes every text for a query",
		"unknown query is not found":                         "fails with status 500",
		"object that is not as its checksum is refused":      "keeps a body whatever its checksum is said to be",
		"bucket of another owner is refused":                 "does not look at the expected owner",
		"pointer of a row leads to its whole record":         "does not know GetLogRecord",
		"identities come in pages":                           "gives everything in one page",
		"a page of no size is refused":                       "takes every MaxItems",
	}
}
