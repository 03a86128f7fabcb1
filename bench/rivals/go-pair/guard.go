package main

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"gatepost/go-pair/token"
)

type claimsKey struct{}

// public lists the methods that need no token.
var public = map[string]bool{
	"/gatepost.auth.v1.AuthService/Login":        true,
	"/gatepost.auth.v1.AuthService/RefreshToken": true,
	"/gatepost.auth.v1.UserService/CreateUser":   true,
}

// guard refuses calls without a valid token in api-token, except those of public methods and health checks.
func guard(secret []byte, publicReads bool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		method := info.FullMethod
		isRead := publicReads && (strings.HasSuffix(method, "/GetPost") || strings.HasSuffix(method, "Posts"))
		if public[method] || isRead || strings.HasPrefix(method, "/grpc.health.") {
			return handler(ctx, request)
		}
		tokens := metadata.ValueFromIncomingContext(ctx, "api-token")
		if len(tokens) != 1 {
			return nil, status.Error(codes.Unauthenticated, "no token")
		}
		claims, err := token.Check(secret, tokens[0])
		if err != nil {
			return nil, status.Error(codes.Unauthenticated, "bad token")
		}
		return handler(context.WithValue(ctx, claimsKey{}, claims), request)
	}
}

// caller returns the claims of an admitted call.
func caller(ctx context.Context) *token.Claims {
	claims, _ := ctx.Value(claimsKey{}).(*token.Claims)
	return claims
}
