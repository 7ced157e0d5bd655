import HTTPTypes
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// A connection's manners: time limits for heads, bodies and idleness, news of a client that goes, and an end that lets
/// the client read the last answer.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// How long a client has to read the last answer and close.
  private static let lingering = TimeAmount.seconds(2)

  private let configuration: HTTPConfiguration
  private let registry: ConnectionRegistry
  private var state: ConnectionState?
  private var timer: Scheduled<Void>?
  /// Requests that came, and those that were answered.
  private var received = 0
  private var answered = 0
  /// The number of the request whose answer is the last; several may be on their way at once.
  private var last = Int.max
  private var isReadingBody = false
  private var bodyBytes = 0
  private var isClosing = false

  init(configuration: HTTPConfiguration, registry: ConnectionRegistry) {
    self.configuration = configuration
    self.registry = registry
  }

  func handlerAdded(context: ChannelHandlerContext) {
    state = registry.add(context.channel)
    let pipeline = context.pipeline.syncOperations
    if let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) {
      let observer = KeepAliveObserver { self.last = min(self.last, self.received + 1) }
      try? pipeline.addHandler(observer, position: .before(codec))
    }
    if context.channel.isActive { expectFirstHead(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { end(context) }

  func channelActive(context: ChannelHandlerContext) {
    expectFirstHead(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(context)
    context.fireChannelInactive()
  }

  private func end(_ context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    state?.clientGone()
    registry.remove(context.channel)
  }

  // MARK: Time limits

  private func schedule(
    _ context: ChannelHandlerContext, in seconds: TimeAmount,
    _ action: @escaping (ConnectionHandler, ChannelHandlerContext) -> Void
  ) {
    timer?.cancel()
    let bound = NIOLoopBound((self, context, action), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: seconds) {
      let (handler, context, action) = bound.value
      handler.timer = nil
      action(handler, context)
    }
  }

  private func expectFirstHead(_ context: ChannelHandlerContext) {
    guard timer == nil, received == 0 else { return }
    schedule(context, in: .seconds(Int64(configuration.headSeconds))) { $0.timedOut($1) }
  }

  private func expectBody(_ context: ChannelHandlerContext) {
    let before = bodyBytes
    schedule(context, in: .seconds(Int64(configuration.bodySeconds))) { handler, context in
      guard handler.isReadingBody else { return }
      // Pipelined bodies wait for the answers before them.
      let needed = handler.configuration.minBodyRate * handler.configuration.bodySeconds
      if handler.received - handler.answered == 1, handler.bodyBytes - before < needed {
        handler.timedOut(context)
      } else {
        handler.expectBody(context)
      }
    }
  }

  private func timedOut(_ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    state?.clientGone()
    let text = #"{"error":"The request did not arrive in time."}"#
    let head = HTTPResponse(
      status: .requestTimeout,
      headerFields: [.contentType: "application/json", .contentLength: String(text.utf8.count), .connection: "close"])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(ByteBuffer(string: text))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    linger(context)
  }

  // MARK: Parts

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isClosing { return }
    switch unwrapInboundIn(data) {
    case .head:
      received += 1
      isReadingBody = true
      bodyBytes = 0
      expectBody(context)
    case .body(let buffer): bodyBytes += buffer.readableBytes
    case .end:
      isReadingBody = false
      timer?.cancel()
      timer = nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if isClosing {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(let head) where head.headerFields[.connection] == "close": last = answered + 1
    case .head, .body: break
    case .end:
      answered += 1
      if answered >= last {
        context.writeAndFlush(data, promise: promise)
        linger(context)
        return
      }
      if answered == received, !isReadingBody {
        schedule(context, in: .seconds(Int64(configuration.idleSeconds))) { $1.close(promise: nil) }
      }
    }
    context.write(data, promise: promise)
  }

  /// Closes this side, and the connection when the client has done so too, or a little later. Closing at once would
  /// throw away what the client has not yet read.
  private func linger(_ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    isClosing = true
    context.close(mode: .output, promise: nil)
    schedule(context, in: Self.lingering) { $1.close(promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent {
      state?.clientGone()
      if answered == received || isClosing {
        context.close(promise: nil)
      } else {
        last = min(last, received)
      }
    }
    context.fireUserInboundEventTriggered(event)
  }
}
