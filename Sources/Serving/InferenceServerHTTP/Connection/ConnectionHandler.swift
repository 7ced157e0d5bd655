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
  private let refusal: (HTTPRequest) -> Refusal?
  private var state: ConnectionState?
  /// What happens when a time limit passes.
  private var limit: (due: NIODeadline, action: (ConnectionHandler, ChannelHandlerContext) -> Void)?
  /// Fires at the limit or before it, and is left alone when the limit moves away: an event loop takes out a timer by a
  /// walk through all of them, and a limit mostly moves several times within milliseconds.
  private var timer: (due: NIODeadline, scheduled: Scheduled<Void>)?
  /// Requests that came, and those that were answered.
  private var received = 0
  private var answered = 0
  /// The number of the request whose answer is the last; several may be on their way at once.
  private var last = Int.max
  private var isReadingBody = false
  /// The request at hand is answered, and the rest of it is read for nothing.
  private var isRefused = false
  private var bodyBytes = 0
  private var isClosing = false

  /// - Parameter refusal: the answer to a request of which nothing but the head will be looked at; nil to go on.
  init(
    configuration: HTTPConfiguration, registry: ConnectionRegistry,
    refusal: @escaping @Sendable (HTTPRequest) -> Refusal?
  ) {
    self.configuration = configuration
    self.registry = registry
    self.refusal = refusal
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
    limit = nil
    timer?.scheduled.cancel()
    timer = nil
    state?.clientGone()
    registry.remove(context.channel)
  }

  // MARK: Time limits

  private func schedule(
    _ context: ChannelHandlerContext, in seconds: TimeAmount,
    _ action: @escaping (ConnectionHandler, ChannelHandlerContext) -> Void
  ) {
    let due = NIODeadline.now() + seconds
    limit = (due, action)
    startTimer(context, due)
  }

  private func startTimer(_ context: ChannelHandlerContext, _ due: NIODeadline) {
    if let timer {
      if timer.due <= due { return }
      timer.scheduled.cancel()
    }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let scheduled = context.eventLoop.scheduleTask(deadline: due) {
      let (handler, context) = bound.value
      handler.timerFired(context)
    }
    timer = (due, scheduled)
  }

  private func timerFired(_ context: ChannelHandlerContext) {
    timer = nil
    guard let limit else { return }
    guard limit.due <= .now() else { return startTimer(context, limit.due) }
    self.limit = nil
    limit.action(self, context)
  }

  private func expectFirstHead(_ context: ChannelHandlerContext) {
    guard limit == nil, received == 0 else { return }
    schedule(context, in: .seconds(Int64(configuration.headSeconds))) { $0.timedOut($1) }
  }

  private func expectBody(_ context: ChannelHandlerContext) {
    let before = bodyBytes
    schedule(context, in: .seconds(Int64(configuration.bodySeconds))) { handler, context in
      guard handler.isReadingBody else { return }
      // Pipelined bodies wait for the answers before them.
      let needed = handler.configuration.minBodyRate * handler.configuration.bodySeconds
      if handler.isRefused || handler.received - handler.answered == 1, handler.bodyBytes - before < needed {
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
    case .head(let head):
      let isFirst = answered == received
      received += 1
      isReadingBody = true
      bodyBytes = 0
      expectBody(context)
      if isFirst, let refusal = refusal(head) { refuse(context, refusal) }
    case .body(let buffer):
      bodyBytes += buffer.readableBytes
      if isRefused, bodyBytes > configuration.maxBodyBytes { linger(context) }
    case .end:
      isReadingBody = false
      limit = nil
      if isRefused {
        isRefused = false
        expectNextHead(context)
        return
      }
    }
    if !isRefused { context.fireChannelRead(data) }
  }

  /// Answers the request at hand without a word to the handlers after this one.
  private func refuse(_ context: ChannelHandlerContext, _ refusal: Refusal) {
    isRefused = true
    answered += 1
    var head = refusal.head
    if answered >= last { head.headerFields[.connection] = "close" }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(refusal.body)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    if answered >= last { linger(context) }
  }

  private func expectNextHead(_ context: ChannelHandlerContext) {
    schedule(context, in: .seconds(Int64(configuration.idleSeconds))) { $1.close(promise: nil) }
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
      if answered == received, !isReadingBody { expectNextHead(context) }
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
