// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>

namespace wasmproxy::test {

/// For Poco's HTTPServer: every request goes to `owner.answer(request, response)`. The owner outlives the server.
template <class Owner>
class AnsweredBy : public Poco::Net::HTTPRequestHandlerFactory {
public:
    explicit AnsweredBy(Owner& owner) : _owner(owner) {}
    Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest&) override {
        return new Handler(_owner);
    }

private:
    class Handler : public Poco::Net::HTTPRequestHandler {
    public:
        explicit Handler(Owner& owner) : _owner(owner) {}
        void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override {
            _owner.answer(request, response);
        }

    private:
        Owner& _owner;
    };
    Owner& _owner;
};

} // namespace wasmproxy::test
