#include "coffer_channel.hpp"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace coffer
{

namespace pb = google::protobuf;

static int connect_to(const std::string &path)
{
	struct sockaddr_un address = {};
	address.sun_family = AF_UNIX;
	if (path.size() >= sizeof(address.sun_path))
		throw std::runtime_error("the path of the socket is too long: " + path);
	memcpy(address.sun_path, path.c_str(), path.size());

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		throw std::system_error(error, std::generic_category(), path);
	}
	return fd;
}

Channel::Channel(const std::string &path) : fd_(connect_to(path)), in_(fd_)
{
}

Channel::~Channel()
{
	close(fd_);
}

void Channel::CallMethod(const pb::MethodDescriptor *method, pb::RpcController *controller,
			 const pb::Message *request, pb::Message *reply, pb::Closure *done)
{
	Outcome own;
	Outcome *outcome = controller != nullptr ? static_cast<Outcome *>(controller) : &own;

	v1::Request envelope;
	envelope.set_id(++last_id_);
	envelope.set_method(method->name());
	envelope.set_body(request->SerializeAsString());
	{
		pb::io::StringOutputStream out(&out_);
		pb::util::SerializeDelimitedToZeroCopyStream(envelope, &out);
	}
	calls_[envelope.id()] = { outcome, reply, done };
	if (done != nullptr)
		return;
	Flush();
	while (calls_.count(envelope.id()) != 0)
		Receive();
	if (outcome->Failed())
		throw Refused(outcome->code(), outcome->ErrorText());
}

void Channel::Finish()
{
	Flush();
	while (!calls_.empty())
		Receive();
}

void Channel::Flush()
{
	for (size_t sent = 0; sent < out_.size();) {
		ssize_t n = send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			throw std::system_error(errno, std::generic_category(), "send");
		sent += n < 0 ? 0 : static_cast<size_t>(n);
	}
	out_.clear();
}

/* Takes one response, whose id tells the call. Fails only when the connection is at its end. */
void Channel::Receive()
{
	v1::Response response;
	if (!pb::util::ParseDelimitedFromZeroCopyStream(&response, &in_, nullptr))
		throw std::runtime_error("the daemon has closed the connection");
	if (response.id() == 0)
		throw Refused(response.code(), response.message());
	auto found = calls_.find(response.id());
	if (found == calls_.end())
		return;
	Call call = found->second;
	calls_.erase(found);
	if (response.code() == v1::OK && !call.reply->ParseFromString(response.body())) {
		response.set_code(v1::INTERNAL);
		response.set_message("the reply is not a " + call.reply->GetTypeName());
	}
	call.outcome->response_ = response;
	if (call.done != nullptr)
		call.done->Run();
}

} // namespace coffer
