package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/crypto/bcrypt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	auth "gatepost/go-pair/gen/auth"
	"gatepost/go-pair/token"
)

// sessionLifetime is the time until a refresh token expires.
const sessionLifetime = 30 * 24 * time.Hour

// users is the auth service.
type users struct {
	auth.UnimplementedAuthServiceServer
	db     *sql.DB
	secret []byte
	// unknown is hashed against for users that do not exist.
	unknown []byte
}

// registrations is the user service.
type registrations struct {
	auth.UnimplementedUserServiceServer
	users *users
}

func newUsers(db *sql.DB, secret []byte) *users {
	unknown, _ := bcrypt.GenerateFromPassword(secret, bcrypt.DefaultCost)
	return &users{db: db, secret: secret, unknown: unknown}
}

func newID() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	id := hex.EncodeToString(bytes[:])
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// newRefreshToken returns a token and its hash.
func newRefreshToken() (string, string) {
	var bytes [32]byte
	_, _ = rand.Read(bytes[:])
	text := base64.RawURLEncoding.EncodeToString(bytes[:])
	return text, hash(text)
}

func hash(refresh string) string {
	sum := sha256.Sum256([]byte(refresh))
	return hex.EncodeToString(sum[:])
}

func internal(err error) error {
	return status.Errorf(codes.Internal, "database: %v", err)
}

// pair returns the tokens of a session.
func (s *users) pair(user, session, refresh string, ends time.Time) (*auth.TokenPair, error) {
	access, expires, err := token.Issue(s.secret, user, session, time.Now())
	if err != nil {
		return nil, internal(err)
	}
	return &auth.TokenPair{
		AccessToken:       access,
		AccessExpireTime:  timestamppb.New(expires),
		RefreshToken:      refresh,
		RefreshExpireTime: timestamppb.New(ends),
	}, nil
}

// begin stores a new session.
func (s *users) begin(ctx context.Context, user string) (*auth.TokenPair, error) {
	session, ends := newID(), time.Now().Add(sessionLifetime)
	refresh, refreshHash := newRefreshToken()
	insert := "insert into sessions (id, user_id, refresh_hash, expire_time) values ($1, $2, $3, $4)"
	if _, err := s.db.ExecContext(ctx, insert, session, user, refreshHash, ends.UnixNano()); err != nil {
		return nil, internal(err)
	}
	return s.pair(user, session, refresh, ends)
}

func (r *registrations) CreateUser(ctx context.Context, request *auth.CreateUserRequest) (*auth.CreateUserResponse, error) {
	passwordHash, err := bcrypt.GenerateFromPassword([]byte(request.Password), bcrypt.DefaultCost)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "password")
	}
	id, now := newID(), time.Now()
	insert := "insert into users (id, email, name, password_hash, create_time) values ($1, $2, $3, $4, $5)"
	db := r.users.db
	if _, err := db.ExecContext(ctx, insert, id, request.Email, request.Name, string(passwordHash), now.UnixNano()); err != nil {
		return nil, status.Error(codes.AlreadyExists, "email")
	}
	tokens, err := r.users.begin(ctx, id)
	if err != nil {
		return nil, err
	}
	user := &auth.User{Id: id, Email: request.Email, Name: request.Name, CreateTime: timestamppb.New(now)}
	return &auth.CreateUserResponse{User: user, Tokens: tokens}, nil
}

func (s *users) Login(ctx context.Context, request *auth.LoginRequest) (*auth.LoginResponse, error) {
	var id, name, passwordHash string
	query := "select id, name, password_hash from users where email = $1"
	err := s.db.QueryRowContext(ctx, query, request.Email).Scan(&id, &name, &passwordHash)
	if errors.Is(err, sql.ErrNoRows) {
		_ = bcrypt.CompareHashAndPassword(s.unknown, []byte(request.Password))
		return nil, status.Error(codes.Unauthenticated, "wrong email or password")
	}
	if err != nil {
		return nil, internal(err)
	}
	if bcrypt.CompareHashAndPassword([]byte(passwordHash), []byte(request.Password)) != nil {
		return nil, status.Error(codes.Unauthenticated, "wrong email or password")
	}
	tokens, err := s.begin(ctx, id)
	if err != nil {
		return nil, err
	}
	return &auth.LoginResponse{Tokens: tokens, User: &auth.User{Id: id, Email: request.Email, Name: name}}, nil
}

func (s *users) RefreshToken(ctx context.Context, request *auth.RefreshTokenRequest) (*auth.RefreshTokenResponse, error) {
	refresh, refreshHash := newRefreshToken()
	ends := time.Now().Add(sessionLifetime)
	var session, user string
	update := `update sessions set refresh_hash = $1, expire_time = $2 where refresh_hash = $3 and expire_time > $4
		returning id, user_id`
	row := s.db.QueryRowContext(ctx, update, refreshHash, ends.UnixNano(), hash(request.RefreshToken), time.Now().UnixNano())
	if err := row.Scan(&session, &user); errors.Is(err, sql.ErrNoRows) {
		return nil, status.Error(codes.Unauthenticated, "bad refresh token")
	} else if err != nil {
		return nil, internal(err)
	}
	tokens, err := s.pair(user, session, refresh, ends)
	if err != nil {
		return nil, err
	}
	return &auth.RefreshTokenResponse{Tokens: tokens}, nil
}

// Logout deletes the session, so its refresh token is refused. Its access token lives until it expires.
func (s *users) Logout(ctx context.Context, _ *auth.LogoutRequest) (*auth.LogoutResponse, error) {
	if _, err := s.db.ExecContext(ctx, "delete from sessions where id = $1", caller(ctx).Session); err != nil {
		return nil, internal(err)
	}
	return &auth.LogoutResponse{}, nil
}
