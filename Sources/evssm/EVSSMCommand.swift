@main struct EVSSMCommand { static func main() {} }
