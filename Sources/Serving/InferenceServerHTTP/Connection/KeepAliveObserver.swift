import NIOCore
import NIOHTTP1

/// Tells whether a request lets its connection live on, which depends on its version: what follows in the pipeline does
/// not see that any more.
final class KeepAliveObserver: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart

  private let onClose: () -> Void

  /// - Parameter onClose: called for a request whose answer is to be the connection's last.
  init(onClose: @escaping () -> Void) { self.onClose = onClose }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head(let head) = unwrapInboundIn(data), !head.isKeepAlive { onClose() }
    context.fireChannelRead(data)
  }
}
