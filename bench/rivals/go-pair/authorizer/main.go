// Command authorizer answers Envoy's ext_authz: it checks the HS256 token, and looks its session up in the auth
// service's database, so a logout is noticed at the next call.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"path/filepath"

	envoy "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	kind "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "modernc.org/sqlite"

	"gatepost/go-pair/token"
)

type authorizer struct {
	secret  []byte
	session *sql.Stmt
}

func (a *authorizer) Check(ctx context.Context, request *envoy.CheckRequest) (*envoy.CheckResponse, error) {
	claims, err := token.Check(a.secret, request.GetAttributes().GetRequest().GetHttp().GetHeaders()["api-token"])
	if err != nil {
		return refusal(), nil
	}
	var user string
	if err := a.session.QueryRowContext(ctx, claims.Session).Scan(&user); errors.Is(err, sql.ErrNoRows) {
		return refusal(), nil
	} else if err != nil {
		return nil, err
	}
	if user != claims.Subject {
		return refusal(), nil
	}
	return &envoy.CheckResponse{Status: &status.Status{Code: int32(codes.OK)}}, nil
}

// refusal returns an answer that Envoy passes on as UNAUTHENTICATED.
func refusal() *envoy.CheckResponse {
	denied := &envoy.DeniedHttpResponse{Status: &kind.HttpStatus{Code: kind.StatusCode_Unauthorized}}
	return &envoy.CheckResponse{
		Status:       &status.Status{Code: int32(codes.Unauthenticated)},
		HttpResponse: &envoy.CheckResponse_DeniedResponse{DeniedResponse: denied},
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	folder := flag.String("data-dir", "go-pair-data", "the pair's folder")
	flag.Parse()
	secret, err := token.Secret(filepath.Join(*folder, "secret"))
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(*folder, "auth.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	session, err := db.Prepare("select user_id from sessions where id = $1")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	instance := grpc.NewServer()
	envoy.RegisterAuthorizationServer(instance, &authorizer{secret: secret, session: session})
	fmt.Println("authorizer listening on", listener.Addr())
	return instance.Serve(listener)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
