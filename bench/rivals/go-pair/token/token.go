// Package token issues and checks HS256 tokens with a secret in a file.
package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Lifetime is the time until a token expires.
const Lifetime = 15 * time.Minute

// Claims are the claims of a token.
type Claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
}

var parser = jwt.NewParser(
	jwt.WithValidMethods([]string{"HS256"}),
	jwt.WithExpirationRequired(),
	jwt.WithIssuer("go-pair"),
	jwt.WithAudience("gatepost"),
)

// Secret reads the secret from the file, or writes a new one into it. The file has the form of a JWK's field `k`.
func Secret(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		var secret [32]byte
		if _, err := rand.Read(secret[:]); err != nil {
			return nil, err
		}
		text = []byte(base64.RawURLEncoding.EncodeToString(secret[:]))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.DecodeString(string(text))
}

// Issue returns a token of the session, and its end.
func Issue(secret []byte, user, session string, now time.Time) (string, time.Time, error) {
	expires := now.Add(Lifetime)
	claims := Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    "go-pair",
			Subject:   user,
			Audience:  jwt.ClaimStrings{"gatepost"},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Session: session,
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	return signed, expires, err
}

// Check returns the claims of a valid token.
func Check(secret []byte, text string) (*Claims, error) {
	claims := &Claims{}
	_, err := parser.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return secret, nil })
	return claims, err
}
