import GRPCCore
import InferenceServer
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Sets bytes aside for a call's message while it arrives, and ends the call when there are not as many, or when the
/// message says that it is over the limit: in front of the handler that collects the message, so that nothing is kept
/// that was not charged.
final class MessageBudget: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// Bytes in front of a message: one of flags, four of length.
  private static let prefixBytes = 5

  private let budget: ByteBudget
  private let maxMessageBytes: Int
  private var prefix: [UInt8] = []
  private var reservation: ByteBudget.Reservation?
  private var hasAnswered = false
  private var isRefused = false

  /// - Parameter maxMessageBytes: bytes that a message may have as it is sent.
  init(_ budget: ByteBudget, maxMessageBytes: Int) {
    self.budget = budget
    self.maxMessageBytes = maxMessageBytes
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isRefused { return }
    if case .data(let part) = unwrapInboundIn(data) {
      do {
        try checkLength(part.data)
        try charge(part.data.readableBytes)
      } catch {
        refuse(context, ServingError(error))
        return
      }
    }
    context.fireChannelRead(data)
  }

  /// The handlers behind this one would break the stream off without a status.
  private func checkLength(_ data: IOData) throws {
    guard prefix.count < Self.prefixBytes, case .byteBuffer(let bytes) = data else { return }
    prefix += bytes.readableBytesView.prefix(Self.prefixBytes - prefix.count)
    guard prefix.count == Self.prefixBytes else { return }
    let length = prefix.dropFirst().reduce(0) { $0 << 8 | Int($1) }
    guard length <= maxMessageBytes else {
      throw ServingError(.tooLarge, "The message has over \(maxMessageBytes) bytes. [limit max_body]")
    }
  }

  private func charge(_ bytes: Int) throws {
    if let reservation { try reservation.grow(by: bytes) } else { reservation = try budget.reserve(bytes) }
  }

  /// A status without a message, which is all that a client waits for; where an answer has begun, the stream's end.
  private func refuse(_ context: ChannelHandlerContext, _ error: ServingError) {
    isRefused = true
    reservation = nil
    if !hasAnswered {
      var headers: HPACKHeaders = [
        ":status": "200", "content-type": "application/grpc", "grpc-status": "\(error.kind.code.rawValue)",
        "grpc-message": error.message,
      ]
      for (key, value) in error.rpcError.rpcErrorMetadata { headers.add(name: key, value: value.encoded()) }
      context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
    }
    // Closing the channel would reset the stream with CANCEL, which clients take for the status. With NO_ERROR they stop
    // sending and keep the one they have (RFC 9113, section 8.1).
    context.writeAndFlush(wrapOutboundOut(.rstStream(hasAnswered ? .cancel : .noError)), promise: nil)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if isRefused {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    hasAnswered = true
    context.write(data, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { reservation = nil }
}
