import ExecutionPlan

/// The strip buffers of a part of a window's columns. Rows count from the strip's first, or the window's for the ring; columns
/// are the window's.
struct ScanStageHalf {
  /// The first column.
  let start: Int
  /// The column behind the last.
  let end: Int
  private let innerPitch: Int
  private let parameterPitch: Int
  private let ringRows: Int
  private let expanded: Floats
  private let sequences: (even: Floats, odd: Floats)
  private let parameterBuffers: (even: Floats, odd: Floats)
  private let convolvedBuffer: Floats

  private static let lag = ScanStageLayout.lag

  init(_ half: ScanStageLayout.Half, of layout: ScanStageLayout, in scratch: Floats) {
    (start, end) = (half.start, half.start + half.width)
    (innerPitch, parameterPitch, ringRows) = (layout.innerPitch, layout.parameterPitch, layout.stripRows + 2)
    let lag = Self.lag
    expanded = scratch + half.expanded + innerPitch
    let inner = lag * innerPitch
    sequences = (scratch + half.sequence.even + inner, scratch + half.sequence.odd + inner)
    // Row 0's own halo lies behind the end of the row before.
    let parameters = (3 * lag + lag) * parameterPitch
    parameterBuffers = (scratch + half.parameters.even + parameters, scratch + half.parameters.odd + parameters)
    convolvedBuffer = scratch + half.convolved + lag * parameterPitch
  }

  var width: Int { end - start }

  /// A pixel of in_proj's x half; row −1, the window's row behind its last and columns one beyond the half's have places too.
  func ring(_ row: Int, _ column: Int) -> Floats {
    expanded + ((row + ringRows) % ringRows * (width + 2) + column - start) * innerPitch
  }

  /// A position of u and then y; of row −1 the last ``ScanStageLayout/lag`` have places too.
  func sequence(_ strip: Int, _ row: Int, _ column: Int) -> Floats {
    (strip % 2 == 0 ? sequences.even : sequences.odd) + (row * width + column - start) * innerPitch
  }

  /// A position of x_proj's result; ``ScanStageLayout/lag`` columns on both sides of the half's have places too, and of row −1
  /// the last `2·lag` positions with those behind them.
  func parameters(_ strip: Int, _ row: Int, _ column: Int) -> Floats {
    (strip % 2 == 0 ? parameterBuffers.even : parameterBuffers.odd)
      + (row * (width + 2 * Self.lag) + column - start) * parameterPitch
  }

  /// A position of the parameters behind the taps; of row −1 the last ``ScanStageLayout/lag`` have places too.
  func convolved(_ row: Int, _ column: Int) -> Floats {
    convolvedBuffer + (row * width + column - start) * parameterPitch
  }
}
