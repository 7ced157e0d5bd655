/// The tensors of a checkpoint, whatever its format, and what reading found.
public struct Checkpoint: Sendable {
  /// As the caller named it.
  public var path: String
  /// How the tensors are kept: `zip` or `legacy` for PyTorch's containers, else the format's name.
  public var container: String
  /// The same in words, such as `PyTorch, zip container`.
  package var title: String
  /// The keys that led to the state dict, joined by dots; `bare` without any; nil for formats that have none.
  package var wrapper: String?
  /// What every tensor's name began with and was left out.
  package var strippedPrefix: String?
  /// Keys of the file that were passed over.
  package var skipped: [String]
  /// The tensors, in the order of the file.
  package var catalogue: TensorCatalogue

  package init(
    path: String, container: String, title: String, wrapper: String? = nil, strippedPrefix: String? = nil,
    skipped: [String] = [], catalogue: TensorCatalogue
  ) {
    self.path = path
    self.container = container
    self.title = title
    self.wrapper = wrapper
    self.strippedPrefix = strippedPrefix
    self.skipped = skipped
    self.catalogue = catalogue
  }

  /// The one type of all tensors, or `mixed`; nil without tensors.
  public var dtypeName: String? {
    let types = Set(catalogue.names.compactMap { catalogue[$0]?.dtype })
    return types.count > 1 ? "mixed" : types.first?.rawValue
  }

  /// Elements of all tensors.
  public var elementCount: Int { catalogue.names.reduce(0) { $0 &+ (catalogue[$1]?.elementCount ?? 0) } }

  /// One line: the container and what was used of it.
  public var summary: String {
    var parts = [title]
    if let wrapper { parts.append(wrapper == "bare" ? "bare state dict" : "state dict under \(wrapper)") }
    if let strippedPrefix { parts.append("prefix \(strippedPrefix) stripped") }
    return parts.joined(separator: ", ")
  }
}
