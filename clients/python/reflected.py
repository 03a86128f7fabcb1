"""A gRPC client without generated code: server reflection describes the services."""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status


class Refused(Exception):
    """A call that ended with a status other than OK.

    `code` is a `grpc.StatusCode`, `message` a sentence for users. `details` maps the name of each detail, such as
    `google.rpc.ErrorInfo`, to its message.
    """

    def __init__(self, code, message, details):
        super().__init__(f"{code.name}: {message} ({', '.join(details) or 'no details'})")
        self.code = code
        self.message = message
        self.details = details


class Server:
    """A server at `address`, by TLS with these credentials, or over plaintext, which is safe on loopback only.

    `address` is host:port, or several addresses of one family: `ipv4:127.0.0.1:50051,127.0.0.1:50052`. `credentials` are
    from `grpc.ssl_channel_credentials`. `compression` is for requests; the library accepts compressed answers by itself.
    """

    def __init__(self, address, credentials=None, compression=grpc.Compression.NoCompression):
        # Ignores the environment's proxy: the server is on this machine.
        options = [("grpc.enable_http_proxy", 0)]
        if credentials is None:
            self.channel = grpc.insecure_channel(address, options=options, compression=compression)
        else:
            self.channel = grpc.secure_channel(address, credentials, options=options, compression=compression)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def services(self):
        """Returns the full names of the server's services."""
        return set(self.database.get_services())

    def call(self, service, method, token=None, **fields):
        """Calls a unary method with the request's fields as keywords, for at most ten seconds. Raises `Refused`."""
        rpc = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = message_factory.GetMessageClass(rpc.input_type)(**fields)
        stub = self.channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(rpc.output_type).FromString,
        )
        metadata = [("api-token", token)] if token else []
        try:
            return stub(request, metadata=metadata, timeout=10)
        except grpc.RpcError as error:
            raise Refused(error.code(), error.details(), self.details(error)) from error

    def details(self, error):
        """Returns the details of a failed call by name; their types come from the server too."""
        status = rpc_status.from_call(error)
        details = {}
        for packed in status.details if status else []:
            name = packed.type_url.rpartition("/")[2]
            kind = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))
            details[name] = kind.FromString(packed.value)
        return details

    def comments(self, service):
        """Returns the comments on a service and its methods in the `.proto` file: name → text."""
        file = self.database.FindFileContainingSymbol(service)
        services, methods = (
            descriptor_pb2.FileDescriptorProto.SERVICE_FIELD_NUMBER,
            descriptor_pb2.ServiceDescriptorProto.METHOD_FIELD_NUMBER,
        )
        texts = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
        for index, found in enumerate(file.service):
            if f"{file.package}.{found.name}" == service:
                path = (services, index)
                comments = {found.name: texts.get(path, "")}
                for number, method in enumerate(found.method):
                    comments[method.name] = texts.get((*path, methods, number), "")
                return comments
        raise KeyError(service)
