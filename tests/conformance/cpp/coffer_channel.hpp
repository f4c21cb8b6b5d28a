/* The channel of a client in C++, for the services that protoc makes of coffer.proto. */
#ifndef COFFER_CHANNEL_HPP
#define COFFER_CHANNEL_HPP

#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/service.h>

#include <map>
#include <stdexcept>
#include <string>

#include "coffer.pb.h"

namespace coffer
{

/* An answer with another code than OK, as an exception. what() is its message. */
struct Refused : std::runtime_error {
	Refused(v1::Code refused_code, const std::string &message)
	    : std::runtime_error(message), code(refused_code)
	{
	}
	v1::Code code;
};

/* What became of a call that did not wait for its reply. */
class Outcome : public google::protobuf::RpcController
{
      public:
	v1::Code code() const
	{
		return response_.code();
	}
	bool Failed() const override
	{
		return code() != v1::OK;
	}
	std::string ErrorText() const override
	{
		return response_.message();
	}
	void Reset() override
	{
		response_.Clear();
	}

	/* Of a server's side, or of no use to a client of coffer. */
	void SetFailed(const std::string &) override
	{
	}
	void StartCancel() override
	{
	}
	bool IsCanceled() const override
	{
		return false;
	}
	void NotifyOnCancel(google::protobuf::Closure *) override
	{
	}

      private:
	friend class Channel;
	v1::Response response_;
};

/* One connection. A daemon that cannot be reached, or that closes it, is a std::runtime_error. */
class Channel : public google::protobuf::RpcChannel
{
      public:
	explicit Channel(const std::string &path);
	~Channel() override;
	Channel(const Channel &) = delete;
	Channel &operator=(const Channel &) = delete;

	/* Without done: returns with the reply, or throws Refused; controller may be null. With done:
	 * keeps the request until the next call that waits, with which it leaves in one write. done
	 * runs when the reply has come; controller is an Outcome then. Both must live until then. */
	void CallMethod(const google::protobuf::MethodDescriptor *method,
			google::protobuf::RpcController *controller,
			const google::protobuf::Message *request, google::protobuf::Message *reply,
			google::protobuf::Closure *done) override;

	/* Returns when every call is answered. */
	void Finish();

      private:
	struct Call {
		Outcome *outcome;
		google::protobuf::Message *reply;
		google::protobuf::Closure *done;
	};

	void Flush();
	void Receive();

	int fd_;
	google::protobuf::io::FileInputStream in_;
	std::string out_;
	std::map<uint32_t, Call> calls_;
	uint32_t last_id_ = 0;
};

} // namespace coffer

#endif
