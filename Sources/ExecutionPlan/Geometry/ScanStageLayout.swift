import Tensors

/// How a scan stage is cut for maps of one size, and where its strip buffers lie. A pure function of the step and the
/// size.
///
/// A window is processed in strips of whole rows of the frame. The scan lags ``lag`` positions behind the depthwise
/// convolution, because the seven taps in front of it look that far ahead; the buffers have what the strip needs of the
/// one before it in front of its own positions.
public struct ScanStageLayout: Sendable, Hashable {
  /// Positions that the scan runs behind: half of the taps.
  public static let lag = Layout.taps / 2

  public let rows: WindowAxis
  public let columns: WindowAxis
  /// Rows of a strip.
  public let stripRows: Int
  /// Floats a pixel of the inner maps.
  public let innerPitch: Int
  /// Floats a position of the scan's parameters.
  public let parameterPitch: Int

  /// Ring of `stripRows + 2` rows of in_proj's x half, each with one pixel of halo at both ends.
  public let expanded: Int
  /// `lag + strip` positions of u, overwritten by y; one for even and one for odd strips.
  public let sequence: [Int]
  /// `2·lag + strip + lag` positions of x_proj's result; one for even and one for odd strips.
  public let parameters: [Int]
  /// `lag + strip` positions of the parameters behind the taps.
  public let convolved: Int
  /// The scan's state, [8][innerPitch].
  public let state: Int
  /// Floats in all.
  public let total: Int

  public init(_ stage: ScanStage, height: Int, width: Int) throws {
    let frame = stage.frame.size(height, width)
    rows = WindowAxis(size: frame.height, side: stage.windowSide)
    columns = WindowAxis(size: frame.width, side: stage.windowSide)
    // A strip keeps the 2·lag positions in front of the next one, so it has at least as many.
    let least = (2 * Self.lag + columns.length - 1) / columns.length
    stripRows = min(rows.length, max(least, stage.stripPixels / columns.length, 1))
    innerPitch = Layout.pitch(stage.inner)
    parameterPitch = stage.parameterPitch
    let positions = try Checked.multiply(stripRows, columns.length)

    var scratch = ScratchAllocator()
    expanded = try scratch.place(stripRows + 2, columns.length + 2, innerPitch)
    let parities = stripRows < rows.length ? 2 : 1
    var (sequence, parameters): ([Int], [Int]) = ([], [])
    for _ in 0..<parities {
      sequence.append(try scratch.place(Self.lag + positions, innerPitch))
      parameters.append(try scratch.place(3 * Self.lag + positions, parameterPitch))
    }
    (self.sequence, self.parameters) = (sequence, parameters)
    convolved = try scratch.place(Self.lag + positions, parameterPitch)
    state = try scratch.place(Layout.states, innerPitch)
    total = scratch.total
  }
}
