import GRPCCore
import InferenceServer
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Sets bytes aside for a call's message while it arrives, and ends the call when there are not as many: in front of the
/// handler that collects the message, so that nothing is kept that was not charged.
final class MessageBudget: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let budget: ByteBudget
  private var reservation: ByteBudget.Reservation?
  private var hasAnswered = false
  private var isRefused = false

  init(_ budget: ByteBudget) { self.budget = budget }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isRefused { return }
    if case .data(let part) = unwrapInboundIn(data) {
      do { try charge(part.data.readableBytes) } catch {
        refuse(context, ServingError(error))
        return
      }
    }
    context.fireChannelRead(data)
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
