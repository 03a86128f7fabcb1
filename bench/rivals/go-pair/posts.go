package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	blog "gatepost/go-pair/gen/blog"
)

const columns = "id, owner_id, title, content, revision, create_time, update_time"

// posts is the blog service.
type posts struct {
	blog.UnimplementedPostServiceServer
	db               *sql.DB
	get, list, batch *sql.Stmt
}

// batchSize is the number of ids of the batch statement; missing ids are empty.
const batchSize = 50

func newPosts(db *sql.DB) (*posts, error) {
	var places []string
	for number := range batchSize {
		places = append(places, fmt.Sprintf("$%d", number+1))
	}
	prepared := &posts{db: db}
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

func (s *posts) GetPost(ctx context.Context, request *blog.GetPostRequest) (*blog.GetPostResponse, error) {
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

func (s *posts) ListPosts(ctx context.Context, request *blog.ListPostsRequest) (*blog.ListPostsResponse, error) {
	posts, err := collect(s.list.QueryContext(ctx, "z", request.GetPageSize()))
	if request.GetView() != blog.PostView_POST_VIEW_FULL {
		for _, post := range posts {
			post.Content = ""
		}
	}
	return &blog.ListPostsResponse{Posts: posts}, err
}

func (s *posts) BatchGetPosts(ctx context.Context, request *blog.BatchGetPostsRequest) (*blog.BatchGetPostsResponse, error) {
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

func (s *posts) CreatePost(ctx context.Context, request *blog.CreatePostRequest) (*blog.CreatePostResponse, error) {
	now := time.Now()
	post := &blog.Post{
		Id: newID(), OwnerId: caller(ctx).Subject, Title: request.Title, Content: request.Content, Revision: 1,
		CreateTime: timestamppb.New(now), UpdateTime: timestamppb.New(now), Etag: "\"1\"",
	}
	insert := "insert into posts (" + columns + ") values ($1, $2, $3, $4, 1, $5, $5)"
	if _, err := s.db.ExecContext(ctx, insert, post.Id, post.OwnerId, post.Title, post.Content, now.UnixNano()); err != nil {
		return nil, internal(err)
	}
	return &blog.CreatePostResponse{Post: post}, nil
}
