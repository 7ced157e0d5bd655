/// How the scan stages cut a map. The same weights compute two different functions.
public enum WindowMode: String, Sendable, Hashable, CaseIterable {
  /// Overlapping windows of 384, 192 and 96 pixels at levels 1, 2 and 3, averaged: the authors' released test network.
  case released
  /// One window as large as the map: the network that was trained.
  case whole
}
