// One user's story against a running pair: client AUTH_ADDR BLOG_ADDR [CA_FILE [CERT_FILE KEY_FILE]]
//
// With the file of an authority the calls use TLS, and with a certificate and its key mutual TLS. All requests are compressed
// with gzip. It prints a line for each step, and exits with 0 only if every answer was as expected.
package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	auth  = "gatepost.auth.v1.AuthService"
	users = "gatepost.auth.v1.UserService"
	posts = "gatepost.blog.v1.PostService"
)

func main() {
	arguments := os.Args[1:]
	if len(arguments) != 2 && len(arguments) != 3 && len(arguments) != 5 {
		fmt.Fprintln(os.Stderr, "usage: client AUTH_ADDR BLOG_ADDR [CA_FILE [CERT_FILE KEY_FILE]]")
		os.Exit(2)
	}
	if err := run(arguments[0], arguments[1], arguments[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func run(authAddress, blogAddress string, files []string) error {
	secured, err := credentialsOf(files)
	if err != nil {
		return err
	}
	authServer, err := Dial(authAddress, secured, auth, users)
	if err != nil {
		return err
	}
	defer authServer.conn.Close()
	blogServer, err := Dial(blogAddress, secured, posts)
	if err != nil {
		return err
	}
	defer blogServer.conn.Close()
	return story(authServer, blogServer)
}

func done(step string) { fmt.Println("ok  " + step) }

// story registers a user, writes a long post, and logs out.
func story(authServer, blogServer *Server) error {
	email := "ada-" + strings.ToLower(rand.Text()) + "@example.com"
	created, err := call(authServer, users+"/CreateUser", "", map[string]any{
		"name": "Ada", "email": email, "password": "correct horse battery staple",
	})
	if err != nil {
		return err
	}
	token := Field(created, "tokens.access_token").String()
	done("registered " + email)
	if err := blogPost(blogServer, token, Field(created, "user.id").String()); err != nil {
		return err
	}
	if err := refused(blogServer, posts+"/ListPosts", "", "TOKEN_MISSING"); err != nil {
		return err
	}
	if _, err := call(authServer, auth+"/Logout", token, nil); err != nil {
		return err
	}
	done("logged out")
	if err := refused(authServer, users+"/GetMe", token, "TOKEN_REVOKED"); err != nil {
		return err
	}
	return refused(blogServer, posts+"/ListPosts", token, "TOKEN_REVOKED")
}

// blogPost writes and reads a post that gzip makes much shorter.
func blogPost(blogServer *Server, token, owner string) error {
	content := strings.Repeat("A long post. ", 10_000)
	created, err := call(blogServer, posts+"/CreatePost", token, map[string]any{"title": "Hello", "content": content})
	if err != nil {
		return err
	}
	if Field(created, "post.owner_id").String() != owner {
		return errors.New("the post is another user's")
	}
	read, err := call(blogServer, posts+"/GetPost", token, map[string]any{"id": Field(created, "post.id").String()})
	if err != nil {
		return err
	}
	if Field(read, "post.content").String() != content {
		return errors.New("the post's content has changed")
	}
	sizes := blogServer.Sizes
	if !sizes.Encodings["request gzip"] || !sizes.Encodings["answer gzip"] {
		return fmt.Errorf("gzip was not used both ways: %v", sizes.Encodings)
	}
	if sizes.Plain < 2*len(content) || sizes.Compressed > sizes.Plain/10 {
		return fmt.Errorf("%d bytes of answers came as %d", sizes.Plain, sizes.Compressed)
	}
	done(fmt.Sprintf("wrote and read a post by gzip: %d bytes of answers came as %d", sizes.Plain, sizes.Compressed))
	return nil
}

// call calls a method that must succeed.
func call(server *Server, method, token string, fields map[string]any) (protoreflect.Message, error) {
	request, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	if fields == nil {
		request = []byte("{}")
	}
	answer, err := server.Call(method, token, string(request))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return answer, nil
}

// refused calls a method that must refuse the token for this reason.
func refused(server *Server, method, token, wanted string) error {
	_, err := server.Call(method, token, "{}")
	if code := status.Code(err); code != codes.Unauthenticated {
		return fmt.Errorf("%s: the status code is %s, not Unauthenticated", method, code)
	}
	if reason, domain := Reason(err); reason != wanted || domain != "auth.gatepost.dev" {
		return fmt.Errorf("%s: refused with %q of %q, not %s", method, reason, domain, wanted)
	}
	done(method + " refused: " + wanted)
	return nil
}
