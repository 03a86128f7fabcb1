package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// callTimeout is longer than all deadlines of the services.
const callTimeout = 10 * time.Second

// Server is a server whose reflection describes its services. Requests are compressed with gzip.
type Server struct {
	conn  *grpc.ClientConn
	files *protoregistry.Files
	Sizes *Sizes
}

// Sizes counts bytes of messages. It is a stats.Handler.
type Sizes struct {
	mutex sync.Mutex
	// Compressed and Plain are the bytes of answers that came compressed, before and after the decompression.
	Compressed, Plain int
	// Encodings are the encodings of requests and answers.
	Encodings map[string]bool
}

// credentialsOf returns the credentials of these files: none, an authority, or an authority with a certificate and its key.
func credentialsOf(files []string) (credentials.TransportCredentials, error) {
	if len(files) == 0 {
		return insecure.NewCredentials(), nil
	}
	authorities, err := os.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("%s has no certificate", files[0])
	}
	if len(files) == 3 {
		certificate, err := tls.LoadX509KeyPair(files[1], files[2])
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return credentials.NewTLS(config), nil
}

// Dial reads the descriptions of these services at host:port.
func Dial(address string, secured credentials.TransportCredentials, services ...string) (*Server, error) {
	sizes := &Sizes{Encodings: map[string]bool{}}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(secured), grpc.WithStatsHandler(sizes), grpc.WithNoProxy())
	if err != nil {
		return nil, err
	}
	files, err := described(conn, services)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reflection at %s: %w", address, err), conn.Close())
	}
	return &Server{conn, files, sizes}, nil
}

// described returns the files that describe these services, with all files that they import.
func described(conn *grpc.ClientConn, services []string) (*protoregistry.Files, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	stream, err := reflection.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	var wanted []*reflection.ServerReflectionRequest
	for _, service := range services {
		wanted = append(wanted, &reflection.ServerReflectionRequest{
			MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
		})
	}
	files := map[string]*descriptorpb.FileDescriptorProto{}
	for ; len(wanted) > 0; wanted = wanted[1:] {
		if name := wanted[0].GetFileByFilename(); files[name] != nil {
			continue
		}
		if err := stream.Send(wanted[0]); err != nil {
			return nil, err
		}
		answer, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		if refused := answer.GetErrorResponse(); refused != nil {
			return nil, errors.New(refused.GetErrorMessage())
		}
		for _, bytes := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
			file := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(bytes, file); err != nil {
				return nil, err
			}
			files[file.GetName()] = file
			for _, name := range file.GetDependency() {
				wanted = append(wanted, &reflection.ServerReflectionRequest{
					MessageRequest: &reflection.ServerReflectionRequest_FileByFilename{FileByFilename: name},
				})
			}
		}
	}
	return protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: slices.Collect(maps.Values(files))})
}

// Call calls a unary method, such as gatepost.blog.v1.PostService/GetPost, with a request in JSON. It returns the answer.
func (server *Server) Call(method, token, request string) (protoreflect.Message, error) {
	service, name, _ := strings.Cut(method, "/")
	found, err := server.files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil, err
	}
	descriptor := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
	if descriptor == nil {
		return nil, fmt.Errorf("there is no method %s", method)
	}
	sent, received := dynamicpb.NewMessage(descriptor.Input()), dynamicpb.NewMessage(descriptor.Output())
	if err := protojson.Unmarshal([]byte(request), sent); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "api-token", token)
	}
	return received, server.conn.Invoke(ctx, "/"+method, sent, received, grpc.UseCompressor(gzip.Name))
}

// Reason returns the reason and the domain of a refused call.
func Reason(err error) (string, string) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason(), info.GetDomain()
		}
	}
	return "", ""
}

// Field returns the field at a path of names, such as post.title.
func Field(message protoreflect.Message, path string) protoreflect.Value {
	name, rest, isDeeper := strings.Cut(path, ".")
	value := message.Get(message.Descriptor().Fields().ByName(protoreflect.Name(name)))
	if isDeeper {
		return Field(value.Message(), rest)
	}
	return value
}

func (*Sizes) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*Sizes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*Sizes) HandleConn(context.Context, stats.ConnStats)                       {}

// HandleRPC notes the encodings and the sizes of answers.
func (sizes *Sizes) HandleRPC(_ context.Context, event stats.RPCStats) {
	sizes.mutex.Lock()
	defer sizes.mutex.Unlock()
	switch event := event.(type) {
	case *stats.OutHeader:
		sizes.Encodings["request "+event.Compression] = true
	case *stats.InHeader:
		sizes.Encodings["answer "+event.Compression] = true
	case *stats.InPayload:
		if event.CompressedLength < event.Length {
			sizes.Compressed += event.CompressedLength
			sizes.Plain += event.Length
		}
	}
}
