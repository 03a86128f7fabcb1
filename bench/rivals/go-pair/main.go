// Command go-pair is a blog service as a Go team would write it by hand: grpc-go, database/sql with a SQLite in pure Go
// or pgx, and a local check of an HS256 token. It serves the read methods of Gatepost's PostService, so the same
// generator can measure both. It knows no revocations.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	_ "modernc.org/sqlite"

	blog "gatepost/go-pair/gen"
)

const columns = "id, owner_id, title, content, revision, create_time, update_time"

type server struct {
	blog.UnimplementedPostServiceServer
	get, list, batch *sql.Stmt
}

// batchSize is the number of ids of the batch statement; missing ids are empty.
const batchSize = 50

func open(url string) (*sql.DB, error) {
	if strings.HasPrefix(url, "postgres://") {
		return sql.Open("pgx", url)
	}
	return sql.Open("sqlite", "file:"+url+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(300)")
}

// fill creates the table with posts of 400 bytes and returns their ids.
func fill(db *sql.DB, posts int) ([]string, error) {
	create := `create table if not exists posts (id text primary key, owner_id text not null, title text not null,
		content text not null, revision bigint not null, create_time bigint not null, update_time bigint not null)`
	if _, err := db.Exec(create); err != nil {
		return nil, err
	}
	var ids []string
	for number := range posts {
		var bytes [16]byte
		if _, err := rand.Read(bytes[:]); err != nil {
			return nil, err
		}
		id := hex.EncodeToString(bytes[:])
		id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		insert := "insert into posts (" + columns + ") values ($1, $2, $3, $4, 1, $5, $5)"
		now := time.Now().UnixNano()
		if _, err := db.Exec(insert, id, id, fmt.Sprintf("Post %d", number), strings.Repeat("x", 400), now); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func newServer(db *sql.DB) (*server, error) {
	var places []string
	for number := range batchSize {
		places = append(places, fmt.Sprintf("$%d", number+1))
	}
	prepared := &server{}
	for _, each := range []struct {
		statement **sql.Stmt
		text      string
	}{
		{&prepared.get, "select " + columns + " from posts where id = $1"},
		{&prepared.list, "select " + columns + " from posts where id < $1 order by id desc limit $2"},
		{&prepared.batch, "select " + columns + " from posts where id in (" + strings.Join(places, ", ") + ")"},
	} {
		statement, err := db.Prepare(each.text)
		if err != nil {
			return nil, err
		}
		*each.statement = statement
	}
	return prepared, nil
}

func scan(row interface{ Scan(...any) error }) (*blog.Post, error) {
	post, created, updated := &blog.Post{}, int64(0), int64(0)
	err := row.Scan(&post.Id, &post.OwnerId, &post.Title, &post.Content, &post.Revision, &created, &updated)
	post.CreateTime, post.UpdateTime = timestamppb.New(time.Unix(0, created)), timestamppb.New(time.Unix(0, updated))
	post.Etag = fmt.Sprintf("\"%d\"", post.Revision)
	return post, err
}

func (s *server) GetPost(ctx context.Context, request *blog.GetPostRequest) (*blog.GetPostResponse, error) {
	post, err := scan(s.get.QueryRowContext(ctx, request.GetId()))
	if err == sql.ErrNoRows {
		return nil, status.Error(codes.NotFound, "no such post")
	}
	if err != nil {
		return nil, status.Error(codes.Internal, "database")
	}
	return &blog.GetPostResponse{Post: post}, nil
}

func collect(rows *sql.Rows, err error) ([]*blog.Post, error) {
	if err != nil {
		return nil, status.Error(codes.Internal, "database")
	}
	defer rows.Close()
	var posts []*blog.Post
	for rows.Next() {
		post, err := scan(rows)
		if err != nil {
			return nil, status.Error(codes.Internal, "database")
		}
		posts = append(posts, post)
	}
	return posts, rows.Err()
}

func (s *server) ListPosts(ctx context.Context, request *blog.ListPostsRequest) (*blog.ListPostsResponse, error) {
	posts, err := collect(s.list.QueryContext(ctx, "z", request.GetPageSize()))
	if request.GetView() != blog.PostView_POST_VIEW_FULL {
		for _, post := range posts {
			post.Content = ""
		}
	}
	return &blog.ListPostsResponse{Posts: posts}, err
}

func (s *server) BatchGetPosts(ctx context.Context, request *blog.BatchGetPostsRequest) (*blog.BatchGetPostsResponse, error) {
	if len(request.Ids) > batchSize {
		return nil, status.Error(codes.InvalidArgument, "too many ids")
	}
	values := make([]any, batchSize)
	for place := range values {
		values[place] = ""
		if place < len(request.Ids) {
			values[place] = request.Ids[place]
		}
	}
	posts, err := collect(s.batch.QueryContext(ctx, values...))
	return &blog.BatchGetPostsResponse{Posts: posts}, err
}

// guard refuses calls without a valid HS256 token in api-token, except health checks.
func guard(secret []byte) grpc.UnaryServerInterceptor {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	key := func(*jwt.Token) (any, error) { return secret, nil }
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/grpc.health.") {
			return handler(ctx, request)
		}
		tokens := metadata.ValueFromIncomingContext(ctx, "api-token")
		if len(tokens) != 1 {
			return nil, status.Error(codes.Unauthenticated, "no token")
		}
		if _, err := parser.Parse(tokens[0], key); err != nil {
			return nil, status.Error(codes.Unauthenticated, "bad token")
		}
		return handler(ctx, request)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	url := flag.String("database", "go-pair.db", "SQLite file, or postgres:// URL")
	posts := flag.Int("posts", 100, "posts to create")
	secret := flag.String("secret-file", "", "file with the HS256 secret; empty: every call is public")
	flag.Parse()
	db, err := open(*url)
	if err != nil {
		return err
	}
	defer db.Close()
	ids, err := fill(db, *posts)
	if err != nil {
		return err
	}
	service, err := newServer(db)
	if err != nil {
		return err
	}
	var options []grpc.ServerOption
	token := ""
	if *secret != "" {
		key, err := os.ReadFile(*secret)
		if err != nil {
			return err
		}
		options = append(options, grpc.UnaryInterceptor(guard(key)))
		claims := jwt.MapClaims{"sub": ids[0], "aud": "gatepost", "exp": time.Now().Add(time.Hour).Unix()}
		if token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	instance := grpc.NewServer(options...)
	blog.RegisterPostServiceServer(instance, service)
	healthpb.RegisterHealthServer(instance, health.NewServer())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		instance.Stop()
	}()
	fmt.Println("listening", listener.Addr())
	fmt.Println("token", token)
	fmt.Println("ids", strings.Join(ids, " "))
	return instance.Serve(listener)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
