// Command go-pair is Gatepost's pair as a Go team would write it by hand: grpc-go, database/sql with a SQLite in pure Go
// or pgx, bcrypt, and a local check of an HS256 token. It serves the methods of Gatepost's contracts that the benchmarks
// call, and takes the pair's flags, so the same generator can measure both. It knows no revocations.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	_ "modernc.org/sqlite"

	auth "gatepost/go-pair/gen/auth"
	blog "gatepost/go-pair/gen/blog"
	"gatepost/go-pair/token"
)

const tables = `
create table if not exists users (id text primary key, email text not null unique, name text not null,
	password_hash text not null, create_time bigint not null);
create table if not exists sessions (id text primary key, user_id text not null, refresh_hash text not null unique,
	expire_time bigint not null);
create table if not exists posts (id text primary key, owner_id text not null, title text not null,
	content text not null, revision bigint not null, create_time bigint not null, update_time bigint not null)`

// open opens a SQLite file, or a PostgreSQL if the name is a URL, and creates the tables.
func open(name string) (*sql.DB, error) {
	driver, source := "sqlite", "file:"+name+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(5000)&_txlock=immediate"
	if strings.HasPrefix(name, "postgres://") {
		driver, source = "pgx", name
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	if driver == "pgx" {
		// By default, database/sql keeps two idle connections, and opens one for most calls under load.
		db.SetMaxOpenConns(16)
		db.SetMaxIdleConns(16)
	}
	for _, table := range strings.Split(tables, ";") {
		if _, err := db.Exec(table); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// serve serves until the server is stopped, and prints the address first.
func serve(name, listen string, instance *grpc.Server, ended chan<- error) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	healthpb.RegisterHealthServer(instance, health.NewServer())
	fmt.Println(name, "listening on", listener.Addr())
	go func() { ended <- instance.Serve(listener) }()
	return nil
}

func run() error {
	authListen := flag.String("auth-listen", "127.0.0.1:0", "address of the auth service")
	blogListen := flag.String("blog-listen", "127.0.0.1:0", "address of the blog service")
	folder := flag.String("data-dir", "go-pair-data", "folder of the databases and the secret")
	database := flag.String("database", "", "postgres:// URL in place of the SQLite files")
	flag.Parse()
	if err := os.MkdirAll(*folder, 0o700); err != nil {
		return err
	}
	secret, err := token.Secret(filepath.Join(*folder, "secret"))
	if err != nil {
		return err
	}
	var databases [2]*sql.DB
	for place, file := range []string{"auth.db", "blog.db"} {
		name := *database
		if name == "" {
			name = filepath.Join(*folder, file)
		}
		if databases[place], err = open(name); err != nil {
			return err
		}
		defer databases[place].Close()
	}
	users := newUsers(databases[0], secret)
	posts, err := newPosts(databases[1])
	if err != nil {
		return err
	}
	public := os.Getenv("BLOG_PUBLIC_READS") == "true"
	guarded := grpc.NewServer(grpc.UnaryInterceptor(guard(secret, public)))
	blog.RegisterPostServiceServer(guarded, posts)
	accounts := grpc.NewServer(grpc.UnaryInterceptor(guard(secret, false)))
	auth.RegisterAuthServiceServer(accounts, users)
	auth.RegisterUserServiceServer(accounts, &registrations{users: users})
	ended := make(chan error, 2)
	if err := serve("auth-service", *authListen, accounts, ended); err != nil {
		return err
	}
	if err := serve("blog-service", *blogListen, guarded, ended); err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	select {
	case err := <-ended:
		return err
	case <-stop.Done():
		accounts.Stop()
		guarded.Stop()
		return nil
	}
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
