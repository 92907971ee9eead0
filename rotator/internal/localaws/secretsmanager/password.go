package secretsmanager

import (
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pgrotator/rotator/internal/localaws/protocol"
)

// randomIndex is a uniform random number in [0, n).
func randomIndex(n int) int {
	// crypto/rand's Reader does not fail.
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n)))
	return int(i.Int64())
}

func getRandomPassword(_ protocol.Caller, in *secretsmanager.GetRandomPasswordInput) (any, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	if length < 1 || length > 4096 {
		return nil, protocol.InvalidParameter("The password length must be between 1 and 4096.")
	}
	classes := passwordClasses(in)
	if len(classes) == 0 {
		return nil, protocol.InvalidParameter("The password can't be generated because every character is excluded.")
	}
	var password []byte
	if in.RequireEachIncludedType == nil || *in.RequireEachIncludedType {
		if length < len(classes) {
			return nil, protocol.InvalidParameter("Password length is too short based on the required types.")
		}
		for _, class := range classes {
			password = append(password, class[randomIndex(len(class))])
		}
	}
	all := strings.Join(classes, "")
	for len(password) < length {
		password = append(password, all[randomIndex(len(all))])
	}
	shuffle(password)
	return struct{ RandomPassword string }{string(password)}, nil
}

// passwordClasses lists the types of characters that the request includes,
// each without the characters it excludes; what is left empty is no class.
func passwordClasses(in *secretsmanager.GetRandomPasswordInput) []string {
	var classes []string
	include := func(wanted bool, characters string) {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(aws.ToString(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, characters)
		if wanted && left != "" {
			classes = append(classes, left)
		}
	}
	include(!aws.ToBool(in.ExcludeLowercase), "abcdefghijklmnopqrstuvwxyz")
	include(!aws.ToBool(in.ExcludeUppercase), "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	include(!aws.ToBool(in.ExcludeNumbers), "0123456789")
	include(!aws.ToBool(in.ExcludePunctuation), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
	include(aws.ToBool(in.IncludeSpace), " ")
	return classes
}

// shuffle is Fisher and Yates's, on crypto/rand.
func shuffle(b []byte) {
	for i := len(b) - 1; i > 0; i-- {
		j := randomIndex(i + 1)
		b[i], b[j] = b[j], b[i]
	}
}
